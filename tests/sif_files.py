"""Singularity image files for tests, packed by hand, and programs that stand in for others."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

HEADER_BYTES = 128
DESCRIPTOR_BYTES = 585
PARTITION, DEFINITION, OCI_ROOT_INDEX = 0x4004, 0x4001, 0x400A
SQUASHFS, EXT3, ENCRYPTED_SQUASHFS = 1, 2, 5
SYSTEM, PRIMARY_SYSTEM = 1, 2
IMAGE_ID = UUID("b2659d4e-bd50-4ea5-bd17-eec5e54f918e")
CREATED = 1577934245


@dataclass(frozen=True)
class Part:
    """One object of a file."""

    content: bytes
    kind: int = PARTITION
    file_system: int = SQUASHFS
    purpose: int = PRIMARY_SYSTEM
    architecture: bytes = b"02"
    used: bool = True


def sif_of(
    parts: Sequence[Part], *, architecture: bytes = b"02", count: int | None = None
) -> bytes:
    """Make a file of these parts, in their order."""
    start = HEADER_BYTES
    data = start + DESCRIPTOR_BYTES * len(parts)
    table = b""
    contents = b""
    for number, part in enumerate(parts, 1):
        offset = data + len(contents)
        numbers = (offset, len(part.content), len(part.content), CREATED, CREATED, 0, 0)
        table += struct.pack("<i?III7q", part.kind, part.used, number, 1, 0, *numbers)
        table += b"part".ljust(128, b"\0")
        extra = struct.pack("<ii3s", part.file_system, part.purpose, part.architecture)
        table += extra.ljust(384, b"\0")
        contents += part.content
    head = b"#!/usr/bin/env run-singularity\n".ljust(32, b"\0") + b"SIF_MAGIC\0" + b"01\0"
    head += architecture.ljust(3, b"\0") + IMAGE_ID.bytes
    total = len(parts) if count is None else count
    head += struct.pack("<8q", CREATED, CREATED, 0, total, start, len(table), data, len(contents))
    return head + table + contents


def install(folder: Path, script: str, name: str = "sqfs2tar") -> str:
    """Put a shell script on a PATH of its own, and give that PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"
