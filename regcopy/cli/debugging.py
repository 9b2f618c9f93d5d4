"""The library's own log records as lines on standard error, for `--debug`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from regcopy.cli.console import Console

_ROOT = "regcopy"


class _ConsoleHandler(logging.Handler):
    """Writes records of all levels as debug lines; what a warning is, commands say themselves."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.log("debug", f"{record.name}: {record.getMessage()}")


@contextmanager
def debug_log(console: Console) -> Iterator[None]:
    """Show what the library logs, for a while."""
    logger = logging.getLogger(_ROOT)
    handler = _ConsoleHandler(console)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
