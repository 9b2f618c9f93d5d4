"""Progress as the lines that skopeo writes where nobody watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.cli.console import Console
from regcopy.cli.progress import Warnings
from regcopy.cli.progress_heartbeat import Heartbeat
from regcopy.cli.progress_tally import ProgressTally
from regcopy.errors import StorageFailed
from regcopy.events import (
    BlobStarted,
    CopyStarted,
    Event,
    ManifestWritten,
    PlannedImage,
    Role,
    SignatureKind,
)
from regcopy.model.digest import Digest

if TYPE_CHECKING:
    from regcopy.copying.result import CopyResult

_SIGNING: Final[dict[SignatureKind, str]] = {
    "simple": "Signing image using simple signing",
    "sigstore": "Signing image using a sigstore signature",
}
_NOUNS: Final[dict[Role, str]] = {"layer": "blob", "config": "config", "blob": "blob"}


class Lines:
    """Writes skopeo's lines, image by image in the order of the index.

    Blobs of several images are under way at once. A line is written once its blob is under
    way and all that skopeo writes before it is written; a blob that several images share
    has a line in each of them, and the manifests come after all blobs, as they do.
    """

    def __init__(self, write: Callable[[str], None], *, removes_signatures: bool = False) -> None:
        self._write = write
        self._removes_signatures = removes_signatures
        self._is_index = False
        self._images: tuple[PlannedImage, ...] = ()
        self._signed: frozenset[Digest] = frozenset()
        self._at = 0
        self._has_header = False
        self._written: set[Digest] = set()
        self._under_way: dict[Digest, Role] = {}

    def notify(self, event: Event, /) -> None:
        """Write what the event makes known."""
        match event:
            case CopyStarted():
                self._start(event)
            case BlobStarted() if self._images:
                self._under_way[event.blob.digest] = event.role
                self._catch_up()
            case BlobStarted():
                self._blob(event.blob.digest, event.role)
            case ManifestWritten(is_top=True) if self._is_index:
                self._write("Writing manifest list to image destination")
                self._made(event.made)
                self._write("Storing list signatures")
            case ManifestWritten():
                if event.config is not None:
                    self._write(f"Copying config {event.config}")
                self._write("Writing manifest to image destination")
                self._made(event.made)
                if event.signatures:
                    self._write("Storing signatures")
            case _:
                pass

    def _start(self, event: CopyStarted) -> None:
        self._is_index = event.is_index
        self._images = event.plan
        self._signed = event.signed
        if not event.is_index:
            self._signatures("source", "image", is_signed=bool(event.signed))
            self._has_header = True
            return
        images = {image.digest for image in event.plan}
        self._signatures("list", "image list", is_signed=not event.signed <= images)
        self._write(f"Copying {event.images} images generated from {event.listed} images in list")
        self._catch_up()

    def _catch_up(self) -> None:
        """Write all lines that may be written now."""
        while self._at < len(self._images):
            image = self._images[self._at]
            if not self._has_header and not self._has_begun(image):
                return
            self._header(image)
            if not self._blobs(image):
                return
            self._at += 1
            self._has_header = False
            self._written = set()

    def _has_begun(self, image: PlannedImage) -> bool:
        blobs = (*image.layers, image.config) if image.config else image.layers
        return not blobs or any(digest in self._under_way for digest in blobs)

    def _header(self, image: PlannedImage) -> None:
        if self._has_header:
            return
        self._write(f"Copying image {image.digest} ({self._at + 1}/{len(self._images)})")
        self._signatures("source", "image", is_signed=image.digest in self._signed)
        self._has_header = True

    def _signatures(self, whose: str, what: str, *, is_signed: bool) -> None:
        if not self._removes_signatures:
            self._write(f"Getting image {whose} signatures")
        if is_signed:
            self._write(f"Checking if {what} destination supports signatures")

    def _made(self, kinds: Sequence[SignatureKind]) -> None:
        for number, kind in enumerate(kinds, 1):
            which = f" {number}" if len(kinds) > 1 else ""
            self._write(f"Creating signature{which}: {_SIGNING[kind]}")

    def _blobs(self, image: PlannedImage) -> bool:
        """Write the lines of the blobs under way; tell whether the image has all its lines."""
        layers = frozenset(image.layers)
        for digest, role in self._under_way.items():
            if digest in layers and digest not in self._written:
                self._blob(digest, role)
        if not layers <= self._written:
            return False
        if image.config is None or image.config in self._written:
            return True
        if image.config not in self._under_way:
            return False
        self._blob(image.config, "config")
        return True

    def _blob(self, digest: Digest, role: Role) -> None:
        self._written.add(digest)
        self._write(f"Copying {_NOUNS[role]} {digest}")


def there_already(*, removes_signatures: bool) -> tuple[str, ...]:
    """Give the lines about an image that the destination has."""
    there = "Skipping: image already present at destination"
    return (there,) if removes_signatures else ("Getting image source signatures", there)


class LinesAndHeartbeat:
    """Skopeo's lines, warnings about repeated requests, and the heartbeat.

    Nothing here can fail: a copy does not end because nobody reads about it.
    """

    def __init__(
        self, console: Console, *, to_stderr: bool, removes_signatures: bool = False
    ) -> None:
        self._console = console
        self._to_stderr = to_stderr
        self._removes_signatures = removes_signatures
        tally = ProgressTally()
        lines = Lines(self._line, removes_signatures=removes_signatures)
        self._observers = (lines, tally, Warnings(console))
        self._heartbeat = Heartbeat(console, tally)
        self._is_read = True

    def beat(self) -> None:
        """Log how far the copy is."""
        self._heartbeat.beat()

    def notify(self, event: Event, /) -> None:
        """Pass the event on."""
        for observer in self._observers:
            observer.notify(event)

    def finish(self, result: CopyResult, /) -> None:
        """Say what skopeo says where there was nothing to do.

        Otherwise there is no more to say: the lines end with the manifest.
        """
        if result.already_there:
            for line in there_already(removes_signatures=self._removes_signatures):
                self._line(line)

    def _line(self, text: str) -> None:
        if self._to_stderr:
            self._console.err(text)
        elif self._is_read:
            try:
                self._console.out(f"{text}\n")
            except (BrokenPipeError, StorageFailed):
                self._is_read = False
