"""The program: finds the command, takes the command line apart, and ends with an exit code."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

import regcopy
from regcopy.cli.closeness import close_to
from regcopy.cli.command import COMMANDS, Command, Invocation, find_command
from regcopy.cli.console import Console
from regcopy.cli.exits import OK, SIGNALLED, exit_code, report
from regcopy.cli.flags import CommandLineError, Flag, Parsed, Values, parse, refuse_later
from regcopy.cli.groups import GLOBAL, GLOBAL_TLS_VERIFY, VERSION, check_global
from regcopy.cli.stopping import Stopped, Stopper

if TYPE_CHECKING:
    from regcopy.config.environment import Environment

# The release of skopeo whose flags, lines and exit codes regcopy has: scripts compare it.
_FOLLOWED: Final = "1.22.0"
# More than all modules of a copy between registries make.
_OBJECTS_OF_START: Final = 60_000


def run() -> NoReturn:
    """Be the program: take everything from the process, and end it."""
    stdout, stderr = sys.stdout or _closed(), sys.stderr or _closed()
    _collect_later()
    try:
        code = main(sys.argv, stdout=stdout, stderr=stderr, hide=_hide)
    except KeyboardInterrupt:  # before or after the command, which sees to itself
        code = SIGNALLED + 2
    for stream in (stdout, stderr):
        _settle(stream)
    # As Python ends it looks through all objects for cycles to free, several times over, which
    # takes as long as a short command itself. The memory goes back as a whole all the same.
    gc.freeze()
    sys.exit(code)


def main(
    argv: Sequence[str],
    *,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    environment: Environment | None = None,
    hide: Callable[[Collection[str]], str] | None = None,
) -> int:
    """Do what a command line says.

    Args:
        argv: the program's name first; called `skopeo`, it speaks of itself as that.
        stdout: results; the process's by default.
        stderr: the log; the process's by default.
        environment: variables and folders; those of the process by default.
        hide: takes secrets out of what the process list shows, where this command line is the
            process's own, and says why it could not.

    Returns:
        the exit code; no exception of a command gets out.
    """
    program = _program(argv)
    console = Console(
        stdout or sys.stdout,
        stderr or sys.stderr,
        program=program,
        log_format="json" if _wants_json(argv) else "text",
    )
    try:
        return _Program(program, console, environment, hide).run(argv[1:])
    except Exception as error:  # noqa: BLE001 — nothing but one line may come out
        report(console, error, debug="--debug" in argv)
        return exit_code(error)


class _Program:
    def __init__(
        self,
        program: str,
        console: Console,
        environment: Environment | None,
        hide: Callable[[Collection[str]], str] | None,
    ) -> None:
        self._program = program
        self._console = console
        self._environment = environment
        self._hide = hide

    def run(self, arguments: Sequence[str]) -> int:
        first = parse((*GLOBAL.flags, VERSION, GLOBAL_TLS_VERIFY), arguments, stop_at_name=True)
        # `--` ends the flags: what follows is a command and its names all the same.
        names = (*first.names, *first.rest)
        if not names:
            return self._without_command(first.values)
        if names[0] == "help":
            return self._help(names[1:])
        command = find_command(names[0])
        if command is None:
            return self._unknown_command(names[0], names[1:], first)
        return self._call(command, names[1:], self._root_values(first.values))

    def _version(self) -> str:
        ours = regcopy.__version__
        return ours if self._program == "regcopy" else f"{_FOLLOWED} (regcopy {ours})"

    def _without_command(self, values: Values) -> int:
        if values.boolean("help"):
            return self._help(())
        if values.boolean("version"):
            self._console.out(f"{self._program} version {self._version()}\n")
            return OK
        program = self._program
        raise CommandLineError(
            f"Missing command '{program} COMMAND'\nTry '{program} --help' for more information"
        )

    def _help(self, names: Sequence[str]) -> int:
        from regcopy.cli.help import command_help, program_help

        if not names:
            self._console.out(program_help(self._program, GLOBAL))
            return OK
        command = find_command(names[0])
        if command is None:
            raise CommandLineError(f"Unknown help topic `{names[0]}`")
        self._console.out(command_help(self._program, command, GLOBAL))
        return OK

    def _unknown_command(self, name: str, rest: Sequence[str], first: Parsed) -> int:
        # As in skopeo: a wrong flag is told before a wrong command, and help comes first.
        parsed = parse((*GLOBAL.flags, VERSION), rest, before=first.values)
        if parsed.values.boolean("help"):
            return self._help(())
        close = "\n\t".join(close_to(name, COMMANDS, or_longer=True))
        meant = f"\nDid you mean this?\n\t{close}\n\n" if close else ""
        raise CommandLineError(
            f"Unrecognized command `{self._program} {name}`\n{meant}"
            f"Try '{self._program} --help' for more information"
        )

    def _root_values(self, values: Values) -> Values:
        """Keep a `--tls-verify` before the command apart from the command's own."""
        given = dict(values.given)
        if "tls-verify" in given:
            given["root-tls-verify"] = given.pop("tls-verify")
        return Values(given)

    def _call(self, command: Command, arguments: Sequence[str], before: Values) -> int:
        flags: tuple[Flag, ...] = (*command.flags, *GLOBAL.flags)
        parsed = parse(flags, arguments, before=before)
        self._hide_secrets(parsed)
        if parsed.values.boolean("help"):
            return self._help((command.name,))
        if parsed.values.has("root-tls-verify"):
            self._console.log(
                "warning",
                "'--tls-verify' is deprecated, please set this on the specific subcommand",
            )
        refuse_later(flags, parsed.values)
        check_global(parsed.values)
        call = Invocation(
            program=self._program,
            values=parsed.values,
            names=parsed.names,
            console=self._console,
            environment=self._environment or _process_environment(),
            cancelled=threading.Event(),
        )
        return _guarded(command, call)

    def _hide_secrets(self, parsed: Parsed) -> None:
        if not parsed.secrets or self._hide is None:
            return
        why = self._hide(parsed.secrets)
        if why and parsed.values.boolean("debug"):
            told = f"secrets of the command line stay visible in the process list: {why}"
            self._console.log("debug", told)


def _guarded(command: Command, call: Invocation) -> int:
    """Run a command; errors become one line, signals and the timeout become an end in order."""
    debug = call.values.boolean("debug")
    stopper = Stopper(
        call.cancelled,
        program=call.program,
        timeout_seconds=call.values.duration("command-timeout"),
        interrupt=not command.stops_itself,
    )
    try:
        with stopper, _log(call.console, debug=debug):
            return command.run(call)
    except (Exception, KeyboardInterrupt, Stopped) as error:
        if stopper.reason:
            call.console.log("fatal", stopper.reason)
            return stopper.exit_code
        if not isinstance(error, Exception):
            raise
        has_sides = any(flag.name == "src-tls-verify" for flag in command.flags)
        report(call.console, error, debug=debug, has_sides=has_sides)
        return exit_code(error, not_found=command.not_found)


def _log(console: Console, *, debug: bool) -> AbstractContextManager[None]:
    if not debug:
        return nullcontext()
    from regcopy.cli.debugging import debug_log

    return debug_log(console)


def _hide(secrets: Collection[str]) -> str:
    from regcopy.cli.process_list import hide_secrets

    return hide_secrets(secrets)


def _process_environment() -> Environment:
    from regcopy.config.environment import Environment

    return Environment.of_process()


def _program(argv: Sequence[str]) -> str:
    name = os.path.basename(argv[0]) if argv else ""
    return "skopeo" if name.startswith("skopeo") else "regcopy"


def _wants_json(argv: Sequence[str]) -> bool:
    # Looked for before anything is parsed: an error of the parser is a log line too.
    return "--log-format=json" in argv or ("--log-format", "json") in pairwise(argv)


def _collect_later() -> None:
    """Look for garbage once there can be some: modules that load make objects, and no garbage.

    From the first collection on it is as usual.
    """
    usual = gc.get_threshold()

    def go_on_as_usual(_phase: str, _info: Mapping[str, int]) -> None:
        gc.callbacks.remove(go_on_as_usual)
        gc.set_threshold(*usual)

    gc.callbacks.append(go_on_as_usual)
    gc.set_threshold(_OBJECTS_OF_START, *usual[1:])


def _closed() -> TextIO:
    """Stand in for an output that the caller closed: every write fails, and is told."""
    return open(os.devnull, encoding="utf-8")


def _settle(stream: TextIO) -> None:
    """Leave nothing in a stream that Python would complain about when it ends."""
    try:
        stream.flush()
    except (OSError, ValueError):
        # What could not be written is still there, and would be tried again.
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
