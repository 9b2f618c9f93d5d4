"""Log records about trust, where somebody may be listening."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from regcopy.trust.log import debug


def test_a_record_reaches_who_listens(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "regcopy.trust"):
        debug("following %s", "a policy")

    assert [(one.name, one.getMessage()) for one in caplog.records] == [
        ("regcopy.trust", "following a policy")
    ]


def test_where_nobody_can_be_listening_logging_is_not_loaded() -> None:
    code = (
        "import sys; from regcopy.trust.log import debug; debug('said'); "
        "print('logging' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "False"
