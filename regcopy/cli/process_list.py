"""Secrets of the command line, taken out of what the process list shows.

Linux shows a process's arguments to everybody as they stand in that process's own memory, so
they can be written over there. What the program itself works with was copied from there before.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Final

_MAX_BYTES: Final = 16 * 1024 * 1024
# proc(5): the first field after the name in parentheses is the third of all.
_ARG_START: Final = 48 - 3
_ARG_END: Final = 49 - 3


def hide_secrets(secrets: Collection[str]) -> str:
    """Write over secrets among this process's arguments, each with as many letters x.

    Args:
        secrets: values of flags, as they were given.

    Returns:
        why that cannot be done on this system; "" where it was done.
    """
    wanted = [os.fsencode(secret) for secret in secrets if secret]
    if not wanted:
        return ""
    try:
        start, end = _arguments_in_memory()
        if not 0 < start < end <= start + _MAX_BYTES:
            return "the system does not tell where the arguments are"
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            for offset, length in _found(os.pread(memory.fileno(), end - start, start), wanted):
                os.pwrite(memory.fileno(), b"x" * length, start + offset)
    except (OSError, ValueError, IndexError, OverflowError) as error:
        return str(error) or type(error).__name__
    return ""


def _arguments_in_memory() -> tuple[int, int]:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read(64 * 1024).rpartition(b")")[2].split()
    return int(fields[_ARG_START]), int(fields[_ARG_END])


def _found(arguments: bytes, secrets: Collection[bytes]) -> Iterator[tuple[int, int]]:
    """Give offset and length of each place: `--flag=secret`, `-fsecret`, or after a flag."""
    offset, before = 0, b""
    for argument in arguments.split(b"\0"):
        for secret in secrets:
            is_alone = argument == secret and before.startswith(b"-")
            if is_alone or (argument.startswith(b"-") and argument.endswith(secret)):
                yield offset + len(argument) - len(secret), len(secret)
        offset, before = offset + len(argument) + 1, argument
