"""The list of a command: read, checked, and cut down to a part."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from regcopy.cli.batch_exits import BAD_LIST
from regcopy.cli.copy_options import copy_options
from regcopy.cli.flags import CommandLineError
from regcopy.cli.groups import access, environment
from regcopy.errors import ConfigurationError, RegcopyError, TransportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from regcopy.batch.estimate import Estimate
    from regcopy.batch.lines import Line
    from regcopy.batch.sharding import Shard
    from regcopy.cli.command import Invocation
    from regcopy.cli.console import Console
    from regcopy.copying.options import CopyOptions

_MOST_SHOWN: Final = 1000
_SHARD_HINT: Final = (
    "all parts need the same answer: divide the list once by `plan`, for --plan, "
    "or without asking by --no-estimate"
)


def list_name(call: Invocation, usage: str) -> str:
    """Give the one name on the command line, which is that of a list."""
    if len(call.names) != 1:
        call.console.err(usage)
        raise CommandLineError(
            "Exactly one argument expected",
            hint="name a file with one SOURCE DESTINATION on each line, or - for standard input",
        )
    return call.names[0]


def read_named_list(name: str) -> tuple[Line, ...]:
    """Read the list in a file; `-` is standard input.

    Raises:
        RegcopyError: it cannot be read, or has bad lines.
    """
    from regcopy.batch.lines import read_list
    from regcopy.streams.files import storage_errors

    shown = "standard input" if name == "-" else name
    with storage_errors("reading the list", shown):
        file = _opened(name)
    with file as opened:
        return read_list(_Guarded(opened, shown), name=shown)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name != "-":
        return open(name, "rb")
    if sys.stdin is None:
        raise ConfigurationError("standard input is closed")
    return nullcontext(sys.stdin.buffer)


class _Guarded:
    """A file whose errors are ours."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name

    def read(self, size: int = -1, /) -> bytes:
        from regcopy.streams.files import storage_errors

        with storage_errors("reading the list", self._name):
            return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def tell_bad_list(console: Console, error: RegcopyError) -> int:
    """Name every bad line, and give the exit code."""
    from regcopy.batch.lines import BadList

    if not isinstance(error, BadList):
        console.log("fatal", str(error), hint=error.hint)
        return BAD_LIST
    for problem in error.problems[:_MOST_SHOWN]:
        console.log("error", str(problem), hint=problem.hint)
    count = len({problem.number for problem in error.problems})
    left_out = len(error.problems) - _MOST_SHOWN
    more = f" ({left_out} more are not shown)" if left_out > 0 else ""
    lines = "1 line of the list is" if count == 1 else f"{count} lines of the list are"
    console.log("fatal", f"{lines} bad{more}; nothing was attempted")
    return BAD_LIST


def list_options(call: Invocation, lines: Sequence[Line]) -> CopyOptions:
    """Say how lines are copied that do not say so themselves."""
    from regcopy.cli.copy_signing import signers
    from regcopy.copying.options import CopyOptions
    from regcopy.transports import parse_reference

    if not lines:
        return CopyOptions()
    # The destination matters only for --additional-tag, which lists do not have.
    options = copy_options(call.values, parse_reference(lines[0].destination))
    return replace(options, signers=signers(call))


def wanted_shard(call: Invocation) -> Shard | None:
    """Part of the list that is wanted, None for all of it."""
    from regcopy.batch.sharding import Shard

    values = call.values
    if not values.string("shard"):
        for flag in ("plan", "no-estimate"):
            if values.has(flag):
                raise CommandLineError(f"--{flag} needs --shard")
        return None
    if values.string("plan") and values.boolean("no-estimate"):
        raise CommandLineError("--plan and --no-estimate cannot be used together")
    return Shard.parse(values.string("shard"), call.environment)


def part_of_list(call: Invocation, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Cut a list down to the part that is wanted.

    Raises:
        RegcopyError: the part does not exist, or sources could not be asked.
    """
    shard = wanted_shard(call)
    if shard is None:
        return lines
    part = _lines_of(call, lines, shard)
    if not call.values.boolean("quiet"):
        call.console.log("info", f"part {shard}: {len(part)} of {len(lines)} lines")
    return part


def _lines_of(call: Invocation, lines: tuple[Line, ...], shard: Shard) -> tuple[Line, ...]:
    from regcopy.batch.sharding import part_by_hash, split_by_bytes

    if call.values.string("plan"):
        return _planned(call.values.string("plan"), lines, shard)
    if call.values.boolean("no-estimate"):
        return part_by_hash(lines, shard)
    try:
        found = estimates(call, lines)
    except TransportError as error:
        error.hint = error.hint or _SHARD_HINT
        raise
    return split_by_bytes(found, shard.count)[shard.number - 1].lines


def _planned(path: str, lines: tuple[Line, ...], shard: Shard) -> tuple[Line, ...]:
    from regcopy.batch.plan_file import SharedPlan
    from regcopy.streams.files import storage_errors

    with storage_errors("reading the plan", path):
        file = open(path, "rb")  # noqa: SIM115 — closed below, errors of reading are ours
    with file:
        return SharedPlan.read(_Guarded(file, path), name=path).lines_of(lines, shard)


def estimates(
    call: Invocation, lines: tuple[Line, ...], *, is_divided_once: bool = False
) -> list[Estimate]:
    """Read the manifests of a list."""
    from regcopy.batch.estimate import estimate_lines

    return estimate_lines(
        lines,
        options=list_options(call, lines),
        access=access(call.values, "src-"),
        jobs=jobs(call),
        cancelled=call.cancelled,
        environment=environment(call),
        is_divided_once=is_divided_once,
    )


def jobs(call: Invocation) -> int:
    """Lines under way at once."""
    from regcopy.batch.run import DEFAULT_JOBS

    return call.values.integer("jobs") if call.values.has("jobs") else DEFAULT_JOBS


def is_same_file(one: str, other: str) -> bool:
    """Tell whether two paths lead to one file, also where it does not exist yet."""
    return os.path.realpath(one) == os.path.realpath(other)
