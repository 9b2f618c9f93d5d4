"""The checksum that tar-split takes of files."""

from __future__ import annotations

import hashlib

import pytest

from regcopy.streams.crc64 import Crc64


def by_bytes(content: bytes) -> bytes:
    """The same, bit after bit (ISO 3309)."""
    crc = 2**64 - 1
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ ((0xD8 << 56) if crc & 1 else 0)
    return (crc ^ 2**64 - 1).to_bytes(8)


def in_parts(content: bytes, *cuts: int) -> bytes:
    crc = Crc64()
    for start, end in zip((0, *cuts), (*cuts, len(content)), strict=True):
        crc.update(content[start:end])
    return crc.digest()


def some_bytes(size: int) -> bytes:
    return hashlib.shake_128(b"crc").digest(size)


def test_the_known_value_comes_out() -> None:
    # The check value of CRC-64/GO-ISO in the catalogue of parametrised CRC algorithms.
    assert in_parts(b"123456789").hex() == "b90956c775a41001"


@pytest.mark.parametrize("size", [*range(10), 63, 64, 65, 119, 120, 121, 1000, 4096, 33_333])
def test_it_is_the_sum_that_a_loop_over_bits_finds(size: int) -> None:
    content = some_bytes(size)
    assert in_parts(content) == by_bytes(content)


@pytest.mark.parametrize("content", [b"\0" * 1000, b"\xff" * 1000, bytes(999) + b"\1"])
def test_runs_of_one_bit_are_summed_too(content: bytes) -> None:
    assert in_parts(content) == by_bytes(content)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 131_064, 131_065, 300_000])
def test_it_does_not_matter_how_the_bytes_come(cut: int) -> None:
    content = some_bytes(300_000)
    assert in_parts(content, cut) == in_parts(content)


def test_one_bit_makes_another_sum() -> None:
    content = bytearray(some_bytes(200_000))
    before = in_parts(bytes(content))
    content[150_000] ^= 1
    assert in_parts(bytes(content)) != before
