"""CRC-64 as tar-split takes it of files: the polynomial of ISO 3309, x^64 + x^4 + x^3 + x + 1.

A loop over bytes takes a second for some megabytes in Python. But arithmetic on long integers
is fast, and the polynomial has few terms: x^(64 s) is x^(4 s) + x^(3 s) + x^s + 1 for each power
of two s, because squaring adds no mixed terms where 1 + 1 = 0. So a long message is folded:
its first part is shifted onto the rest, four times. Measured: 300 MB/s, a quarter of that for
files of a kilobyte.
"""

from __future__ import annotations

from typing import Final

_MASK: Final = 2**64 - 1
# With the sum before it this is a power of two, so that halves are of one length; the numbers
# stay in the cache of the processor.
_PIECE_BYTES: Final = 128 * 1024 - 8


class Crc64:
    """The sum of what it was given; as hash/crc64 of Go with its table `ISO`."""

    def __init__(self) -> None:
        self._state = _MASK

    def update(self, content: bytes | memoryview) -> None:
        """Add more bytes."""
        view = memoryview(content)
        for start in range(0, len(view), _PIECE_BYTES):
            piece = view[start : start + _PIECE_BYTES]
            # The first bit of the message is the lowest, and has the highest power of x. 64
            # zero bits follow, and the sum of what was before is added to the first 64.
            message = int.from_bytes(piece, "little") ^ self._state
            self._state = _remainder(message, 8 * len(piece) + 64)

    def digest(self) -> bytes:
        """Give the sum in eight bytes, the highest first."""
        return (self._state ^ _MASK).to_bytes(8)


def _remainder(message: int, bits: int) -> int:
    """Divide by the polynomial, and give what is left; all with the lowest bit first."""
    while bits > 64:
        step = 1 << (((bits - 1) // 64).bit_length() - 1)  # 64 * step < bits <= 128 * step
        size = bits - 64 * step
        rest = message >> size
        first = message ^ (rest << size)
        # (x + 1) * (x^3 + 1) = x^4 + x^3 + x + 1
        first ^= first << step
        first ^= first << 3 * step
        size += 4 * step
        # Both end with the same power of x, and the shorter one begins later.
        bits = max(size, 64 * step)
        message = (first << (bits - size)) ^ (rest << (bits - 64 * step))
    return message
