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

MIB = 1024 * 1024
# The process says itself what it took: what counts children would count this one as well.
PROGRAM = """
import sys
from regcopy.cli.main import main
code = main(["regcopy", *sys.argv[1:]])
print(open("/proc/self/status").read())
sys.exit(code)
"""


def write_layers(folder: Path, window_log: int) -> None:
    """Write an image of four layers that hold a whole window to be unpacked."""
    plain = [bytes([number]) * (48 * MIB) for number in range(4)]
    options: dict[int, int] = {
        CompressionParameter.window_log: window_log,
        CompressionParameter.compression_level: 1,
    }
    compressors = [ZstdCompressor(options=options) for _ in plain]
    stored = [c.compress(p) + c.flush() for c, p in zip(compressors, plain, strict=True)]
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
    places = (f"dir:{tmp_path}/source", f"dir:{tmp_path}/copy")
    command = (sys.executable, "-c", PROGRAM, "--insecure-policy", "copy", *flags, *places)

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert peak is not None
    assert int(peak[1]) * 1024 < 96 * MIB
