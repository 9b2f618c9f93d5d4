"""An image that is open for reading, and the threads that read it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from regcopy.config.environment import Environment
from regcopy.copying.pool import DEFAULT_PARALLEL, Limits, Pool
from regcopy.errors import located
from regcopy.events import Observer
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import MAX_MANIFEST_BYTES
from regcopy.session import Access, Session
from regcopy.streams.blob import BlobStream, read_limited
from regcopy.transports import parse_reference
from regcopy.transports.abilities import Abortable
from regcopy.transports.base import (
    ImageReference,
    ImageSource,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How images are read.

    Attributes:
        access: credentials, TLS and retries.
        observer: told of repeated requests.
        cancelled: set it to stop.
        environment: variables and folders; those of the process by default.
    """

    access: Access | None = None
    observer: Observer | None = None
    cancelled: threading.Event | None = None
    environment: Environment | None = None


@dataclass(frozen=True)
class OpenedImage:
    """An image that is being looked into.

    Attributes:
        source: gives out manifests, and raw bytes of blobs that nobody has verified.
        pool: reads several of its parts at once.
        check_cancelled: raises Cancelled once the run was cancelled.
    """

    reference: ImageReference
    source: ImageSource
    pool: Pool
    check_cancelled: Callable[[], None]

    def stream(self, blob: Descriptor) -> BlobStream:
        """Give the bytes of a blob, verified while they are read.

        The last of them are only given out if size and digest are those of the descriptor.
        So many streams as `source.max_parallel` says may be read at once, each in one thread.
        """
        return BlobStream(lambda offset: self.source.open_blob(blob, offset=offset), blob)

    def read_config(self, blob: Descriptor) -> bytes:
        """Read a config whole. Errors as `ImageSource.open_blob`, and LimitExceeded."""
        with self.stream(blob) as stream:
            return read_limited(stream, MAX_MANIFEST_BYTES, what=f"config {blob.digest}")


@contextmanager
def open_image(reference: str, reading: Reading | None = None) -> Iterator[OpenedImage]:
    """Open an image; errors on the way out tell which one it was. Errors as `regcopy.inspect`.

    Args:
        reference: `transport:reference`.
        reading: how it is reached.
    """
    how = reading or Reading()
    with reading_session(how) as session, opened_in(session, reference, how) as image:
        yield image


def reading_session(reading: Reading) -> Session:
    """Give the session of images that are read alike."""
    return Session(
        environment=reading.environment, cancelled=reading.cancelled, observer=reading.observer
    )


@contextmanager
def opened_in(
    session: Session, reference: str, reading: Reading, *, limits: Limits | None = None
) -> Iterator[OpenedImage]:
    """Open one of several images, all of a session. Errors as `open_image`.

    Args:
        session: whose connections it shares.
        reference: `transport:reference`.
        reading: how it is reached.
        limits: how much is read at once of all images together.
    """
    place = parse_reference(reference)
    with located(reference=place):
        context = session.context(reading.access, "source")
        with place.open_source(context) as source:

            def abort() -> None:
                if isinstance(source, Abortable):
                    source.abort()

            workers = min(DEFAULT_PARALLEL, source.max_parallel)
            pool = Pool(workers, context.cancelled, abort, limits)
            yield OpenedImage(place, source, pool, context.check_cancelled)
