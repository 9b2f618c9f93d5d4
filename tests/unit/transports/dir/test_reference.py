"""The grammar of `dir:`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.errors import InvalidReference
from regcopy.transports import parse_reference
from regcopy.transports.abilities import DeletesImages, ListsTags
from regcopy.transports.dir import DirReference


@pytest.mark.parametrize("text", ["folder", "/a b:c:@0", "x@sha256:0", "."])
def test_any_path_is_a_reference(text: str) -> None:
    reference = parse_reference(f"dir:{text}")

    assert reference == DirReference(text)
    assert str(reference) == f"dir:{text}"


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_a_path_that_cannot_be_is_no_reference(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_reference(f"dir:{text}")


def test_the_policy_sees_the_real_folder(tmp_path: Path) -> None:
    real = os.path.realpath(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    reference = parse_reference(f"dir:{tmp_path}/link/image")

    assert reference.policy_identity == f"{real}/real/image"
    assert list(reference.policy_namespaces)[:2] == [f"{real}/real", real]
    assert "/" not in reference.policy_namespaces


def test_a_folder_has_no_tags_and_is_not_deleted() -> None:
    assert not isinstance(DirReference("folder"), (DeletesImages, ListsTags))
