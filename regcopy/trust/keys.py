"""The keys that a policy names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regcopy.config.small_file import read_at_most
from regcopy.errors import ConfigurationError
from regcopy.text import printable
from regcopy.trust.requirements import KeySource

MAX_KEY_BYTES: Final = 16 * 1024 * 1024


def read_keys(source: KeySource) -> Iterator[bytes]:
    """Give each file or content of keys.

    Raises:
        ConfigurationError: a file cannot be read, or is far too large.
    """
    for path in source.paths:
        yield read_key_file(path)
    yield from source.contents


def read_key_file(path: str, *, what: str = "reading keys") -> bytes:
    """Read one file of keys.

    Args:
        path: the file.
        what: what is being done, for messages.

    Raises:
        ConfigurationError: it cannot be read, or is far too large.
    """
    shown = printable(path, limit=300)
    try:
        content = read_at_most(path, MAX_KEY_BYTES) or b""
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
        raise ConfigurationError(f"{what}: open {shown}: {why[:1].lower()}{why[1:]}") from None
    if len(content) > MAX_KEY_BYTES:
        raise ConfigurationError(f"{what}: {shown} is over {MAX_KEY_BYTES} bytes")
    return content
