"""The source's blobs as streams: as they are, or changed on the way."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from regcopy.copying.places import Places
from regcopy.copying.recompression import Recompression
from regcopy.errors import Cancelled, LimitExceeded, NotFound, located
from regcopy.events import BlobAdvanced, Observer
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import MAX_MANIFEST_BYTES
from regcopy.streams.blob import BlobStream, Opener, Readable, read_limited, skip
from regcopy.streams.windows import Hold, hold_in
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.copying.plain_layers import PlainLayers

# Layers above this size share few threads.
HEAVY_BYTES: Final = 4 * 1024 * 1024
# Configs that are needed first are held at once; real ones have a few kilobytes each.
MAX_CONFIGS_BYTES: Final = 32 * 1024 * 1024


class SourceBlobs:
    """The blobs of one copy, as they come from the source.

    Args:
        places: both sides, opened.
        observer: told how far each blob has come.

    Attributes:
        stop: set once a blob of this copy has failed.
    """

    def __init__(self, places: Places, observer: Observer) -> None:
        job = places.job
        self.stop = threading.Event()
        self._reference = job.source
        self._source = places.source
        self._pool = places.pool
        self._observer = observer
        self._cancelled = job.source_context.cancelled
        self._hold = hold_in(job.source_context.resources, self.check_stopped)
        self._environment = job.destination_context.environment
        self._configs: Mapping[Digest, bytes] = {}
        self._watched: frozenset[Digest] = frozenset()
        self._plain: PlainLayers | None = None

    @property
    def temporary_folder(self) -> str:
        """Folder for files that have no name."""
        from regcopy.streams.tar_storage import temporary_folder  # few layers need one

        return temporary_folder(self._environment.get("TMPDIR"))

    def read_configs(self, configs: Sequence[Descriptor]) -> Mapping[Digest, bytes]:
        """Read configs of images whole, verified. They are not read again to be placed.

        Raises:
            LimitExceeded: one is larger than a config may be, or all together are too large.
            RegcopyError: one cannot be read.
        """
        total = sum(config.size for config in configs)
        if total > MAX_CONFIGS_BYTES:
            raise LimitExceeded(f"the configs have {total} bytes together")
        found = self._pool.map(self._read_config, configs)
        self._configs = {one.digest: content for one, content in zip(configs, found, strict=True)}
        return self._configs

    def _read_config(self, config: Descriptor) -> bytes:
        with self.stream(config) as stream:
            return read_limited(stream, MAX_MANIFEST_BYTES, what=f"config {config.digest}")

    def watch(self, layers: Sequence[Descriptor], plain: PlainLayers) -> None:
        """Learn what these layers unpack to while they pass, and note it."""
        self._watched = frozenset(layer.digest for layer in layers)
        self._plain = plain

    def look_into(self, layer: Descriptor) -> None:
        """Read a layer for what it unpacks to, and for nothing else."""
        with (
            self.reading(f"reading blob {layer.digest}"),
            BlobStream(self._opener(layer, self._hold), layer) as stream,
        ):
            stream.drain()

    def stream(self, blob: Descriptor) -> BlobStream:
        """Give a blob as it is."""
        return self._stream(blob, self._hold)

    def _stream(self, blob: Descriptor, hold: Hold | None) -> BlobStream:
        return BlobStream(
            self._opener(blob, hold), blob, on_progress=lambda at: self._advance(blob, at)
        )

    def changed(
        self, blob: Descriptor, change: Recompression, diff_id: Digest | None
    ) -> BlobStream:
        """Give a layer in another compression; its digest is known at the end.

        Args:
            blob: the layer.
            change: what is done to it.
            diff_id: digest that it must have when it is plain, where that is known.
        """
        from regcopy.streams.recompress import recompress  # most layers stay as they are

        annotations: dict[str, str] = {}

        def open_changed(offset: int) -> Readable:
            # Such bytes cannot be asked for from the middle: an upload that resumes makes
            # them again, and they are the same again.
            # Room for a large window is held once for each layer, or it would wait for itself.
            changed: Readable = self._guarded(self._stream(blob, None), blob)
            try:
                changed = recompress(
                    changed,
                    change.before,
                    change.after,
                    level=change.level,
                    diff_id=diff_id,
                    ahead=blob.size > HEAVY_BYTES,
                    hold=self._hold,
                    folder=self.temporary_folder,
                    annotate=annotations.update,
                )
                skip(changed, offset)
            except BaseException:
                changed.close()
                raise
            return changed

        return BlobStream(
            open_changed,
            None,
            media_type=change.media_type(blob),
            digest=diff_id if change.after == "none" else None,
            annotations=annotations,
            on_progress=lambda _: self.check_stopped(),
        )

    def _opener(self, blob: Descriptor, hold: Hold | None) -> Opener:
        def open_at(offset: int) -> Readable:
            if blob.digest in self._configs:
                return io.BytesIO(self._configs[blob.digest][offset:])
            with self.reading(f"reading blob {blob.digest}"):
                raw = self._open(blob, offset)
            opened = self._guarded(raw, blob)
            plain = self._plain
            if plain is None or offset or blob.digest not in self._watched:
                return opened  # the rest alone cannot be unpacked
            from regcopy.streams.watched import Watched  # few images need it

            return Watched(
                opened,
                blob.digest,
                lambda found: plain.note(blob.digest, found),
                hold=hold,
            )

        return open_at

    def _open(self, blob: Descriptor, offset: int) -> Readable:
        try:
            return self._source.open_blob(blob, offset=offset)
        except NotFound as error:
            if blob.is_foreign:
                where = printable(blob.urls[0], limit=200)
                error.hint = f"the manifest says that it is at {where}, which is not followed"
            raise

    def _guarded(self, raw: Readable, blob: Descriptor) -> _Guarded:
        operation = f"reading blob {blob.digest}"
        return _Guarded(raw, self.check_stopped, lambda: self.reading(operation))

    def _advance(self, blob: Descriptor, position: int) -> None:
        self.check_stopped()
        self._observer.notify(BlobAdvanced(blob.digest, position))

    def check_stopped(self) -> None:
        """Raise Cancelled once the run was cancelled, or another blob has failed."""
        if self._cancelled.is_set():
            raise Cancelled("cancelled")
        if self.stop.is_set():
            raise Cancelled("stopped, because another blob failed")

    def reading(self, operation: str) -> AbstractContextManager[None]:
        """Tell errors that pass through that they come from the source."""
        return located(side="source", reference=self._reference, operation=operation)


class _Guarded:
    """Raw bytes from the source, whose errors say that they come from there."""

    def __init__(
        self,
        raw: Readable,
        check_stopped: Callable[[], None],
        reading: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._raw = raw
        self._check_stopped = check_stopped
        self._reading = reading

    def read(self, size: int = -1, /) -> bytes:
        self._check_stopped()
        with self._reading():
            return self._raw.read(size)

    def close(self) -> None:
        self._raw.close()
