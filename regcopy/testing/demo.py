"""The main job from end to end, with nothing but this package: `regcopy demo`.

Two registries of our own on free ports, a layout and a folder; one image for four
platforms goes from each to the next and back. Its digest is taken from the bytes at every
stop, and at the end every blob is compared, file by file, with what was made at first.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from regcopy.api import Access, copy, get_manifest
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions, Instances
from regcopy.errors import StorageFailed
from regcopy.model.digest import Digest
from regcopy.serving import RegistryServer
from regcopy.streams.files import storage_errors
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    multi_platform_image,
    write_layout,
)
from regcopy.text import human_bytes
from regcopy.transports.base import SideOptions

LAYER_BYTES: Final = 1024 * 1024
_ROW: Final = "{:<12}{:<73}{:>7}"


@dataclass(frozen=True, slots=True)
class _Stop:
    """A place that the image comes to.

    Attributes:
        title: what it is called in the table.
        reference: how the library is told of it.
        blobs: folder where its blobs lie under their hex digits.
    """

    title: str
    reference: str
    blobs: Path


@dataclass(frozen=True, slots=True)
class _Tour:
    """What all steps share: where the lines go, and what the digest must be."""

    say: Callable[[str], None]
    expected: Digest
    cancelled: threading.Event
    # Plain HTTP to our own registries; nobody's files, proxies or credentials.
    access: Access = field(
        default_factory=lambda: Access(anonymous=True, options=SideOptions(tls_verify=False))
    )
    environment: Environment = field(default_factory=lambda: Environment({}))

    def copy(self, source: _Stop, destination: _Stop) -> bool:
        """Copy from one stop to the next, with a row for the result."""
        begin = time.monotonic()
        copy(
            source.reference,
            destination.reference,
            options=CopyOptions(instances=Instances("all"), preserve_digests=True),
            source_access=self.access,
            destination_access=self.access,
            cancelled=self.cancelled,
            environment=self.environment,
        )
        return self.show(destination, f"{time.monotonic() - begin:.2f}")

    def show(self, stop: _Stop, seconds: str) -> bool:
        """Read what is there, with a row for it; False where it is something else."""
        found = get_manifest(
            stop.reference,
            access=self.access,
            cancelled=self.cancelled,
            environment=self.environment,
        )
        is_equal = Digest.of(found.content) == self.expected
        note = "" if is_equal else "  DIFFERS"
        self.say(_ROW.format(stop.title, str(Digest.of(found.content)), seconds) + note)
        return is_equal


def run_demo(
    say: Callable[[str], None],
    *,
    layer_bytes: int = LAYER_BYTES,
    cancelled: threading.Event | None = None,
) -> bool:
    """Copy an image from place to place, and tell its digest and the seconds at each.

    Args:
        say: takes one line at a time.
        layer_bytes: size of each layer; there are nine.
        cancelled: set it to stop.

    Returns:
        whether the digest and every byte were the same everywhere.

    Raises:
        RegcopyError: a copy failed. Nothing is left behind, as after a success.
    """
    with ExitStack() as opened:
        with storage_errors("making a folder in", tempfile.gettempdir()):
            made = tempfile.TemporaryDirectory(prefix="regcopy-demo-")
        folder = Path(opened.enter_context(made))
        image = multi_platform_image(layer_bytes=layer_bytes, shared_layers=1)
        write_layout(image, folder / "a", "demo/app:1.0")
        # What is thrown away at once need not survive a crash of the machine.
        a = opened.enter_context(RegistryServer(folder / "a", durable=False))
        b = opened.enter_context(RegistryServer(folder / "b", durable=False))
        stops = _stops(folder, a.address, b.address)
        _introduce(say, image, a.address, b.address)
        tour = _Tour(say, image.digest, cancelled or threading.Event())
        equal = [tour.show(stops[0], "made")]
        equal += [tour.copy(*step) for step in pairwise(stops)]
        return _conclude(say, image, stops, is_equal=all(equal))


def _stops(folder: Path, a: str, b: str) -> tuple[_Stop, ...]:
    return (
        _Stop("registry A", f"docker://{a}/demo/app:1.0", folder / "a/blobs/sha256"),
        _Stop("registry B", f"docker://{b}/copy/app:1.0", folder / "b/blobs/sha256"),
        _Stop("oci layout", f"oci:{folder}/oci:1.0", folder / "oci/blobs/sha256"),
        _Stop("directory", f"dir:{folder}/dir", folder / "dir"),
        _Stop("registry A", f"docker://{a}/back/app:1.0", folder / "a/blobs/sha256"),
    )


def _introduce(say: Callable[[str], None], image: SampleImage, a: str, b: str) -> None:
    size = human_bytes(sum(map(len, image.blobs.values())))
    platforms = ", ".join(map(str, FOUR_PLATFORMS))
    say(f"One image for {platforms}: {len(image.blobs)} blobs, {size}.")
    say(f"Registry A listens on {a}, registry B on {b}.")
    say("")
    say(_ROW.format("", "digest", "seconds"))


def _conclude(
    say: Callable[[str], None], image: SampleImage, stops: tuple[_Stop, ...], *, is_equal: bool
) -> bool:
    damaged = [stop.title for stop in stops if not _holds(stop.blobs, image.blobs)]
    say("")
    if damaged:
        say(f"Blobs differ from those of the image: {', '.join(damaged)}.")
    elif is_equal:
        say(f"The digest is the same at every stop, and so is each of {len(image.blobs)} blobs.")
    else:
        say("The digest is not the same at every stop.")
    return is_equal and not damaged


def _holds(folder: Path, blobs: Mapping[Digest, bytes]) -> bool:
    try:
        return all((folder / digest.hex).read_bytes() == blob for digest, blob in blobs.items())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageFailed(f"reading {folder}: {error.strerror}") from error
