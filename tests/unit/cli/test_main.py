from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest

import regcopy
from regcopy.cli import main as program
from regcopy.cli import manifest_digest
from regcopy.cli.command import COMMANDS, UNLISTED, Invocation, find_command
from regcopy.errors import NotFound
from tests.command_line import Ended, run_cli

Stub = Callable[[Callable[[Invocation], int]], None]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Put something else in the place of `manifest-digest`."""

    def install(run: Callable[[Invocation], int]) -> None:
        command = replace(manifest_digest.COMMAND, run=run)
        monkeypatch.setattr(manifest_digest, "COMMAND", command)

    return install


def run_stub(*arguments: str) -> Ended:
    return run_cli(*arguments, "manifest-digest")


@pytest.mark.parametrize("flag", ["--version", "-v", "--version=true"])
def test_the_version_is_told_under_the_name_that_was_called(flag: str) -> None:
    assert run_cli(flag).out == f"regcopy version {regcopy.__version__}\n"
    called_skopeo = run_cli(flag, program="skopeo").out
    assert called_skopeo == f"skopeo version 1.22.0 (regcopy {regcopy.__version__})\n"


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("help",), ("bogus", "--help")])
def test_help_goes_to_standard_output(arguments: tuple[str, ...]) -> None:
    ended = run_cli(*arguments)
    assert ended.code == 0
    assert ended.out.startswith("Usage: regcopy [global flags] COMMAND")
    assert ended.err == ""


@pytest.mark.parametrize("arguments", [("copy", "--help"), ("help", "copy"), ("copy", "x", "-h")])
def test_help_for_a_command_shows_its_flags(arguments: tuple[str, ...]) -> None:
    ended = run_cli(*arguments)
    assert ended.code == 0
    assert "Usage: regcopy copy [flags] SOURCE DESTINATION" in ended.out
    assert "--dest-tls-verify" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing command 'regcopy COMMAND'\nTry 'regcopy --help' for more information"),
        (
            ("bogus",),
            "Unrecognized command `regcopy bogus`\nTry 'regcopy --help' for more information",
        ),
        (
            ("insp",),
            (
                "Unrecognized command `regcopy insp`\n\nDid you mean this?\n\tinspect\n\n"
                "Try 'regcopy --help' for more information"
            ),
        ),
        (("--nope",), "unknown flag: --nope"),
        (("--nope", "copy"), "unknown flag: --nope"),
        (("bogus", "--nope"), "unknown flag: --nope"),
        (("copy", "--nope", "--help"), "unknown flag: --nope"),
        (("copy", "-v"), "unknown shorthand flag: 'v' in -v"),
        (("help", "bogus"), "Unknown help topic `bogus`"),
    ],
)
def test_a_wrong_command_line_is_one_message_and_exit_code_one(
    arguments: tuple[str, ...], message: str
) -> None:
    ended = run_cli(*arguments)
    assert (ended.code, ended.fatal, ended.out) == (1, message, "")


def test_messages_name_the_program_as_it_was_called() -> None:
    assert "`skopeo bogus`" in run_cli("bogus", program="skopeo").fatal


@pytest.mark.parametrize("name", [*COMMANDS, *UNLISTED])
def test_every_command_of_the_table_is_there_under_its_name(name: str) -> None:
    command = find_command(name)
    assert command is not None
    assert command.name == name
    assert all(example.split()[0] == name for example in command.examples)


@pytest.mark.parametrize("name", [*COMMANDS, *UNLISTED])
def test_the_help_of_every_command_fits_the_width(name: str) -> None:
    lines = run_cli(name, "--help").out.splitlines()
    assert max(len(line) for line in lines) <= 100


def test_global_flags_are_taken_before_and_after_the_command(stub: Stub) -> None:
    seen: list[tuple[str, str]] = []

    def run(call: Invocation) -> int:
        seen.append((call.values.string("override-os"), call.values.string("tmpdir")))
        return 7

    stub(run)
    ended = run_cli("--override-os=windows", "manifest-digest", "--tmpdir", "/t")
    assert ended.code == 7
    assert seen == [("windows", "/t")]


def test_a_command_may_stand_behind_two_dashes(stub: Stub) -> None:
    stub(lambda call: len(call.names))
    assert run_cli("--", "manifest-digest", "a", "b").code == 2


def test_tls_verify_before_the_command_is_deprecated_and_counts_least() -> None:
    ended = run_cli("--tls-verify=false", "copy", "x", "y")
    assert [line.level for line in ended.log] == ["warning", "fatal"]
    assert ended.log[0].message == (
        "'--tls-verify' is deprecated, please set this on the specific subcommand"
    )


def test_no_policy_and_required_signatures_exclude_each_other(stub: Stub) -> None:
    stub(lambda _: 0)
    ended = run_stub("--require-signed", "--insecure-policy")
    assert ended.fatal == "--insecure-policy and --require-signed are mutually exclusive"


def test_an_unknown_form_of_the_log_is_refused(stub: Stub) -> None:
    stub(lambda _: 0)
    assert run_stub("--log-format=xml").fatal.startswith('unknown log format "xml"')


@pytest.mark.parametrize("arguments", [("--log-format=json",), ("--log-format", "json")])
def test_errors_of_the_command_line_follow_the_form_of_the_log(arguments: tuple[str, ...]) -> None:
    assert '"level": "fatal"' in run_cli(*arguments, "--nope").err


def test_an_image_that_does_not_exist_is_exit_code_two(stub: Stub) -> None:
    def run(_: Invocation) -> NoReturn:
        raise NotFound("manifest unknown")

    stub(run)
    ended = run_stub()
    assert (ended.code, ended.fatal) == (2, "manifest unknown")


def test_a_bug_is_one_line_without_a_traceback(stub: Stub) -> None:
    def run(_: Invocation) -> NoReturn:
        raise ZeroDivisionError

    stub(run)
    ended = run_stub()
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "this is a bug; run again with --debug" in ended.hint


def test_a_reader_that_went_away_is_no_message(stub: Stub) -> None:
    def run(_: Invocation) -> NoReturn:
        raise BrokenPipeError

    stub(run)
    assert run_stub() == Ended(141, "", "")


def test_debug_shows_what_the_library_logs(stub: Stub) -> None:
    def run(_: Invocation) -> int:
        import logging

        logging.getLogger("regcopy.http").debug("GET /v2/ %d", 200)
        return 0

    stub(run)
    ended = run_stub("--debug")
    assert [line.message for line in ended.log] == ["regcopy.http: GET /v2/ 200"]
    assert run_stub().err == ""


def test_main_takes_the_outputs_of_the_process_by_default(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert program.main(["regcopy", "--version"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"regcopy version")
