"""Reading an image from one of several places: mirrors first, then the place itself.

The first place that gives the top manifest is read from. What it then lacks, or breaks off,
is taken from the places after it: children and blobs are named by their digests, so it does
not matter who gives them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from regcopy.config.registries_conf import blocked
from regcopy.errors import ContentError, NotFound, RegcopyError, TransportError, UsageError
from regcopy.model.reference import ImageName
from regcopy.transports.docker.client import RegistryClient, Scope, client_at
from regcopy.transports.docker.downloads import BlobBody
from regcopy.transports.docker.manifests import Manifests
from regcopy.transports.docker.mirrors import PullPlace, pull_places

if TYPE_CHECKING:
    from regcopy.errors import Side
    from regcopy.model.descriptor import Descriptor
    from regcopy.streams.blob import Readable
    from regcopy.transports.base import Context

_Result = TypeVar("_Result")
_SHOWN: Final = 500

_log = logging.getLogger("regcopy.mirrors")


class PullSource:
    """One place, ready to be asked.

    Attributes:
        is_last: there is none after it, so it is asked with all patience.
    """

    def __init__(self, place: PullPlace, *, is_last: bool) -> None:
        """Ask nothing yet.

        Raises:
            ConfigurationError: credentials or certificates cannot be used.
        """
        self.name: ImageName = place.name
        self.client: RegistryClient = client_at(place.name, place.context)
        self.manifests = Manifests(self.client, place.name, Scope(place.name.repository, ("pull",)))
        self.is_last = is_last


class Pulls:
    """The places of one image; safe for use by several threads."""

    def __init__(self, name: ImageName, context: Context) -> None:
        """Ask nothing yet.

        Raises:
            UsageError: the registry is blocked and there is no mirror, or registries.conf,
                credentials or certificates cannot be used.
        """
        self._places = pull_places(name, context)
        self._lock = threading.Lock()
        self._opened: dict[int, PullSource] = {}
        self._current = 0
        if len(self._places) == 1:
            self._source(0)

    @property
    def is_single(self) -> bool:
        """Whether there is only one place, and nothing to fall back on."""
        return len(self._places) == 1

    def find(self, ask: Callable[[PullSource], _Result]) -> _Result:
        """Ask one place after another, and stay with the first that answers.

        Raises:
            RegcopyError: what the last place said; the message tells of the others too.
        """
        number, result = self._ask(self._start(0), ask)
        self._leave_before(number)
        return result

    def call(self, ask: Callable[[PullSource], _Result], *, after: int = -1) -> tuple[int, _Result]:
        """Ask the place that was found, and those after it where it fails.

        Args:
            ask: called with one place after another.
            after: number of a place that has failed already.

        Returns:
            the number of the place that answered, and its answer.

        Raises:
            RegcopyError: as `find`.
        """
        return self._ask(self._start(after + 1), ask)

    def has_after(self, number: int) -> bool:
        """Tell whether there is a place after that one."""
        return number + 1 < len(self._places)

    def abort(self) -> None:
        """Make calls under way fail soon; may be called twice."""
        with self._lock:
            opened = list(self._opened.values())
        for source in opened:
            source.client.abort()

    def _start(self, least: int) -> int:
        with self._lock:
            return max(least, self._current)

    def _leave_before(self, number: int) -> None:
        with self._lock:
            self._current = max(self._current, number)

    def _ask(self, start: int, ask: Callable[[PullSource], _Result]) -> tuple[int, _Result]:
        failures: list[tuple[ImageName, RegcopyError]] = []
        for number in range(start, len(self._places)):
            name = self._places[number].name
            if not self.is_single:
                _log.debug("trying %s", name)
            try:
                return number, ask(self._source(number))
            except (TransportError, ContentError, UsageError) as error:
                if not self.has_after(number) or not self._may_pass(number, error):
                    raise _told(error, failures) from None
                _log.debug("%s failed: %s", name, error)
                failures.append((name, error))
                # What lacks one blob may have the next one; what cannot be reached is left.
                if not isinstance(error, NotFound):
                    self._leave_before(number + 1)
        raise RuntimeError("there is no place left to ask")

    def _may_pass(self, number: int, error: RegcopyError) -> bool:
        """Tell whether the next place is asked after an error: not where a setting is wrong."""
        is_blocked = self._places[number].endpoint.blocked_by is not None
        return is_blocked or not isinstance(error, UsageError)

    def _source(self, number: int) -> PullSource:
        place = self._places[number]
        if place.endpoint.blocked_by is not None:
            raise blocked(place.endpoint.blocked_by)
        with self._lock:
            if number not in self._opened:
                self._opened[number] = PullSource(place, is_last=not self.has_after(number))
            return self._opened[number]


def _told(error: RegcopyError, failures: list[tuple[ImageName, RegcopyError]]) -> RegcopyError:
    """Add to the last place's error what the mirrors said."""
    if failures:
        others = "; ".join(f"{name}: {str(failed)[:_SHOWN]}" for name, failed in failures)
        error.message = f"{error.message} (mirrors failed too: {others})"
    return error


class MirroredBody:
    """A blob that goes on at the next place where one breaks off for good."""

    def __init__(self, pulls: Pulls, blob: Descriptor, offset: int, *, side: Side) -> None:
        """Open the blob at `offset`. Errors as `BlobBody`."""
        self._pulls = pulls
        self._blob = blob
        self._position = offset
        self._side: Side = side
        self._number = -1
        self._body: Readable = self._open()

    def _open(self) -> Readable:
        self._number, body = self._pulls.call(
            lambda place: BlobBody(
                place.client, place.name, self._blob, self._position, side=self._side
            ),
            after=self._number,
        )
        return body

    def read(self, size: int = -1, /) -> bytes:
        """Give the next block, b"" at the end. Errors as `BlobBody`."""
        while True:
            try:
                block = self._body.read(size)
            except TransportError as error:
                if not self._pulls.has_after(self._number):
                    raise
                _log.debug("blob %s: %s", self._blob.digest, error)
                self._body.close()
                self._body = self._open()
            else:
                self._position += len(block)
                return block

    def close(self) -> None:
        """Close what is open; may be called twice."""
        self._body.close()
