"""Answers in HTTP as http.client reads them, with a bound on what it reads line by line."""

from __future__ import annotations

import io
from typing import Final, Self

from regcopy.errors import LimitExceeded

MAX_HEAD_BYTES: Final = 64 * 1024


class AnswerReader(io.BufferedReader):
    """Buffers an answer, and limits its lines.

    Lines are the head of an answer, interim ones too, the sizes of chunks and the trailers. The
    limit is on lines without any content in between, so it holds for each of these.
    """

    def __init__(self, raw: io.RawIOBase, *, whose: str) -> None:
        """Read from `raw`, which is closed with this; `whose` headers they are, for messages."""
        super().__init__(raw)
        self._whose = whose
        self._line_bytes = 0

    def makefile(self, _mode: str) -> Self:
        """Stand in for the socket that http.client asks for a file."""
        return self

    def begin_body(self) -> None:
        """Count anew: the head is over."""
        self._line_bytes = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """Give one line.

        Raises:
            LimitExceeded: the lines are over the limit.
        """
        allowed = MAX_HEAD_BYTES + 1 - self._line_bytes
        line = super().readline(allowed if size is None or size < 0 else min(size, allowed))
        self._line_bytes += len(line)
        if self._line_bytes > MAX_HEAD_BYTES:
            raise LimitExceeded(f"{self._whose} headers are over {MAX_HEAD_BYTES} bytes")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Give content."""
        content = super().read(size)
        if content:
            self._line_bytes = 0
        return content
