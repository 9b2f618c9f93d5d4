"""Each wished-for difference is one: where it is gone, it goes from the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.cli.command import find_command
from tests.compat.differences import DIFFERENCES, Difference
from tests.compat.programs import regcopy_says, skopeo_says, write_images


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[one.line for one in DIFFERENCES])
def test_a_listed_difference_is_there_and_has_a_reason(
    difference: Difference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path)
    monkeypatch.chdir(tmp_path)
    # An image in a layout is gone after `delete`: skopeo, which refuses it, comes first.
    assert skopeo_says(difference.line) != regcopy_says(difference.line)
    assert difference.reason
    assert difference.command == "help" or find_command(difference.command)
