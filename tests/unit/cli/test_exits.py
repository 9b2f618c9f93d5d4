from __future__ import annotations

import pytest

from regcopy.cli.exits import exit_code, report
from regcopy.errors import (
    ConfigurationError,
    DigestMismatch,
    NotFound,
    RegcopyError,
    Unauthorized,
    located,
)
from tests.command_line import log_lines, make_screens


def not_found(**where: str) -> NotFound:
    try:
        with located(**where):  # type: ignore[arg-type]
            raise NotFound("manifest unknown")
    except NotFound as error:
        return error


@pytest.mark.parametrize(
    "error",
    [not_found(), not_found(side="source"), not_found(side="source", operation="reading manifest")],
)
def test_an_image_that_does_not_exist_is_exit_code_two(error: NotFound) -> None:
    assert exit_code(error) == 2


@pytest.mark.parametrize(
    "error",
    [
        not_found(side="destination", operation="writing blob sha256:00"),
        not_found(side="source", operation="reading blob sha256:00"),
        Unauthorized("no"),
        DigestMismatch("a", "b"),
        ConfigurationError("no"),
        KeyError("a bug"),
    ],
)
def test_every_other_failure_is_exit_code_one(error: Exception) -> None:
    assert exit_code(error) == 1


def test_a_command_may_have_its_own_code_for_what_does_not_exist() -> None:
    assert exit_code(not_found(), not_found=1) == 1


def test_an_output_that_nobody_reads_ends_as_by_sigpipe_and_quietly() -> None:
    screens = make_screens()
    report(screens.console, BrokenPipeError(), debug=True)
    assert exit_code(BrokenPipeError()) == 141
    assert screens.err.text == ""


def test_an_error_of_ours_is_told_with_its_place_and_hint() -> None:
    screens = make_screens()
    error = not_found(side="source", reference="docker://x", operation="reading manifest 1")
    error.hint = "look at the tags"
    report(screens.console, error, debug=False)
    (line,) = log_lines(screens.err.text)
    assert line.message == "source docker://x: reading manifest 1: manifest unknown"
    assert line.hint == "look at the tags"


def raised_by_a_bug() -> Exception:
    try:
        try:
            raise OSError("GET https://store.example/blob?signature=SECRET failed")
        except OSError as cause:
            raise ValueError("token=SECRET") from cause
    except ValueError as error:
        return error


def test_a_bug_is_one_line_that_says_where_and_shows_none_of_its_text() -> None:
    screens = make_screens()
    report(screens.console, raised_by_a_bug(), debug=False)
    (line,) = log_lines(screens.err.text)
    assert line.message.startswith("unexpected ValueError at test_exits.py:")
    assert "this is a bug; run again with --debug" in line.hint
    assert "SECRET" not in screens.err.text


def test_debug_shows_frames_and_causes_without_the_queries_of_addresses() -> None:
    screens = make_screens()
    report(screens.console, raised_by_a_bug(), debug=True)
    messages = [line.message for line in log_lines(screens.err.text)]
    assert any("in raised_by_a_bug" in message for message in messages)
    assert "OSError: GET https://store.example/blob?… failed" in messages


def test_debug_shows_where_an_error_of_ours_came_from() -> None:
    screens = make_screens()
    report(screens.console, not_found(), debug=True)
    levels = [line.level for line in log_lines(screens.err.text)]
    assert levels[-1] == "fatal"
    assert levels.count("debug") >= 2


def test_an_error_without_a_traceback_is_reported_too() -> None:
    screens = make_screens()
    report(screens.console, ValueError("never raised"), debug=False)
    assert "at an unknown place" in screens.err.text


def test_every_error_is_one_line() -> None:
    screens = make_screens()
    report(screens.console, RegcopyError("one\ntwo\r\x1b[2J"), debug=False)
    assert screens.err.text.count("\n") == 1
    assert "\x1b" not in screens.err.text
