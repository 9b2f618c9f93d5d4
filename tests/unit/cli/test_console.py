from __future__ import annotations

import io
import json
import os

import pytest

from regcopy.cli.console import Console
from regcopy.errors import StorageFailed
from tests.command_line import LogLine, Screen, log_lines, make_screens


def test_a_log_line_has_the_form_of_logrus() -> None:
    screens = make_screens()
    screens.console.log("fatal", 'no "such" image')
    time, _, rest = screens.err.text.partition(" ")
    assert time.startswith('time="2')
    assert time.endswith('Z"')
    assert rest == 'level=fatal msg="no \\"such\\" image"\n'


def test_a_message_without_odd_characters_is_not_quoted() -> None:
    screens = make_screens()
    screens.console.log("info", "done")
    assert screens.err.text.endswith(" level=info msg=done\n")


def test_the_hint_is_a_field_of_its_own() -> None:
    screens = make_screens()
    screens.console.log("fatal", "it failed", hint="try again")
    assert log_lines(screens.err.text) == [LogLine("fatal", "it failed", "try again")]


def test_a_message_with_new_lines_is_one_line() -> None:
    screens = make_screens()
    screens.console.log("error", "one\ntwo\x1b[2J")
    assert screens.err.text.count("\n") == 1
    assert "\x1b" not in screens.err.text


def test_on_a_terminal_a_message_is_for_people() -> None:
    screens = make_screens(terminal=True)
    screens.console.log("fatal", "it failed", hint="try again")
    assert screens.err.text == "regcopy: error: it failed\nhint: try again\n"


def test_on_a_terminal_nothing_from_outside_moves_the_cursor() -> None:
    screens = make_screens(terminal=True)
    screens.console.log("warning", "tag \x1b[2J\u202e", hint="\x9b")
    assert screens.err.text == "regcopy: warning: tag \\x1b[2J\\u202e\nhint: \\x9b\n"


def test_a_json_log_has_one_object_a_line_also_on_a_terminal() -> None:
    screens = make_screens(terminal=True, log_format="json")
    screens.console.log("fatal", "one\ntwo", hint="try again")
    entry = json.loads(screens.err.text)
    assert (entry["level"], entry["msg"], entry["hint"]) == ("fatal", "one\ntwo", "try again")
    assert screens.err.text.count("\n") == 1


def test_results_go_out_as_they_are() -> None:
    screens = make_screens()
    screens.console.out("é")
    screens.console.out_bytes(b"\xff\x00")
    assert screens.out.content == "é".encode() + b"\xff\x00"


def test_a_full_disk_is_an_error() -> None:
    # Closed by number: the object itself would try to write what it still holds.
    number = os.open("/dev/full", os.O_WRONLY)
    full = io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding="utf-8")
    console = Console(full, Screen(), program="regcopy")
    with pytest.raises(StorageFailed, match="writing to standard output: No space left on device"):
        console.out("text")
    os.close(number)


def test_a_closed_output_is_an_error() -> None:
    with open("/dev/null", encoding="utf-8") as unwritable:
        console = Console(unwritable, Screen(), program="regcopy")
        with pytest.raises(StorageFailed, match="writing to standard output: it is closed"):
            console.out("text")


def test_a_log_that_cannot_be_written_is_no_error() -> None:
    with open("/dev/null", encoding="utf-8") as unwritable:
        console = Console(Screen(), unwritable, program="regcopy")
        console.log("fatal", "nobody hears it")
        console.out("text")
