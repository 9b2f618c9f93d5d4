"""Memory of a whole process that unpacks layers whose compressor used a large window."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from regcopy.model.digest import Digest
from regcopy.streams.zstd import CompressionParameter, ZstdCompressor
from regcopy.testing.samples import write_dir
from tests.layers import image_with, with_manifest
from tests.schema1 import schema1_image

MIB = 1024 * 1024
# The process says itself what it took: what counts children would count this one as well.
PROGRAM = """
import sys
from regcopy.cli.main import main
code = main(["regcopy", *sys.argv[1:]])
print(open("/proc/self/status").read())
sys.exit(code)
"""


def compressed(plain: bytes, window_log: int) -> bytes:
    options: dict[int, int] = {
        CompressionParameter.window_log: window_log,
        CompressionParameter.compression_level: 1,
    }
    compressor = ZstdCompressor(options=options)
    return compressor.compress(plain) + compressor.flush()


def peak_bytes(*arguments: str) -> int:
    """Memory that the program takes at most to copy an image."""
    command = (sys.executable, "-c", PROGRAM, "--insecure-policy", "copy", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert peak is not None
    return int(peak[1]) * 1024


def write_layers(folder: Path, window_log: int) -> None:
    """Write an image of four layers that hold a whole window to be unpacked."""
    plain = [bytes([number]) * (48 * MIB) for number in range(4)]
    stored = [compressed(content, window_log) for content in plain]
    image = image_with("zstd", layers=plain)
    document = json.loads(image.top.content)
    for layer, content in zip(document["layers"], stored, strict=True):
        layer.update(digest=str(Digest.of(content)), size=len(content))
    write_dir(with_manifest(image, document, stored), folder)


@pytest.mark.parametrize("window_log", [23, 25])
@pytest.mark.parametrize(
    "flags",
    [
        ("--dest-decompress",),
        ("--dest-compress", "--dest-compress-format=gzip"),
        ("--dest-compress", "--dest-compress-format=zstd:chunked"),
    ],
)
def test_four_layers_with_large_windows_stay_below_the_limit(
    tmp_path: Path, window_log: int, flags: tuple[str, ...]
) -> None:
    write_layers(tmp_path / "source", window_log)

    assert peak_bytes(*flags, f"dir:{tmp_path}/source", f"dir:{tmp_path}/copy") < 96 * MIB


@pytest.mark.parametrize("window_log", [23, 25])
def test_layers_of_schema_1_that_are_looked_into_stay_below_the_limit(
    tmp_path: Path, window_log: int
) -> None:
    # They are small, so that many could pass at once, and hold 8 or 32 MiB each to be unpacked.
    layers = [compressed(bytes([number]) * (48 * MIB), window_log) for number in range(16)]
    write_dir(schema1_image(layers), tmp_path / "source")

    assert peak_bytes("--format=oci", f"dir:{tmp_path}/source", f"dir:{tmp_path}/copy") < 96 * MIB


@pytest.mark.parametrize("level", [3, 9])
def test_many_small_layers_that_are_compressed_stay_below_the_limit(
    tmp_path: Path, level: int
) -> None:
    # A compressor holds far more than a layer of this size.
    write_dir(image_with("none", layers=[bytes([n]) * MIB for n in range(16)]), tmp_path / "source")
    flags = ("--dest-compress", "--dest-compress-format=zstd", f"--dest-compress-level={level}")

    assert peak_bytes(*flags, f"dir:{tmp_path}/source", f"dir:{tmp_path}/copy") < 96 * MIB
