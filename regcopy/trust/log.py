"""Log records about trust, for `--debug` and for programs that use the library."""

from __future__ import annotations

import sys


def debug(message: str, *arguments: object) -> None:
    """Log something, if anybody can be listening.

    Where `logging` was never loaded nobody is: it would be loaded for nothing, and that takes
    longer than to read a policy.

    Args:
        message: as `logging` takes it, with `%s` for each argument.
        arguments: what is put in their places.
    """
    if "logging" in sys.modules:
        import logging

        logging.getLogger("regcopy.trust").debug(message, *arguments)
