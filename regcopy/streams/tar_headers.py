"""Headers of a tar file that is the same each time: no owner, no time, no format of its own.

The fields are those of ustar (POSIX.1-2017, pax, "ustar Interchange Format"), written as
Go's archive/tar writes them, so that archives agree byte for byte with those of other tools.
"""

from __future__ import annotations

from typing import Final

from regcopy.streams.tar_reading import TAR_BLOCK

END_OF_TAR: Final = bytes(2 * TAR_BLOCK)
_MAX_NAME: Final = 100
# What eleven octal digits hold; anything larger is written as GNU tar does.
_MAX_OCTAL_SIZE: Final = 8**11 - 1


def file_header(name: str, size: int, mode: int = 0o444) -> bytes:
    """Header of a file that everybody may read and nobody write, unless `mode` says otherwise.

    It has 512 bytes, and more where the name has over 100.
    """
    short = name.encode()[:_MAX_NAME].decode(errors="ignore")
    longer = b"" if short == name else _pax_header("path", name)
    return longer + _header(short, size, mode=mode, flag=b"0", target="")


def folder_header(name: str) -> bytes:
    """Header of a folder. Raises ValueError for a name over 99 bytes."""
    return _header(f"{name}/", 0, mode=0o755, flag=b"5", target="")


def link_header(name: str, target: str) -> bytes:
    """Header of a symbolic link. Raises ValueError for a name or target over 100 bytes."""
    return _header(name, 0, mode=0, flag=b"2", target=target)


def padding(size: int) -> bytes:
    """Zeros that follow a file of that size."""
    return bytes(-size % TAR_BLOCK)


def _pax_header(key: str, value: str) -> bytes:
    """Say about the next member what its own header has no space for (POSIX.1-2017, pax)."""
    rest = f" {key}={value}\n".encode()
    size = len(rest) + 1
    while size != len(rest) + len(str(size)):  # the length counts its own digits
        size = len(rest) + len(str(size))
    record = str(size).encode() + rest
    header = _header("PaxHeaders.0", len(record), mode=0, flag=b"x", target="")
    return header + record + padding(len(record))


def _header(name: str, size: int, *, mode: int, flag: bytes, target: str) -> bytes:
    is_large = size > _MAX_OCTAL_SIZE
    block = bytearray(TAR_BLOCK)
    block[0:100] = _text(name)
    block[100:108] = b"%07o\0" % mode
    block[108:116] = block[116:124] = b"%07o\0" % 0  # owner and group
    block[124:136] = b"\x80" + size.to_bytes(11) if is_large else b"%011o\0" % size
    block[136:148] = b"%011o\0" % 0  # time
    block[148:156] = b" " * 8
    block[156:157] = flag
    block[157:257] = _text(target)
    block[257:265] = b"ustar  \0" if is_large else b"ustar\x0000"
    block[329:337] = block[337:345] = b"%07o\0" % 0  # device
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _text(text: str) -> bytes:
    field = text.encode()
    if len(field) > _MAX_NAME:
        raise ValueError(f"too long for a tar header: {text!r}")
    return field.ljust(_MAX_NAME, b"\0")
