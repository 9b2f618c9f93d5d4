"""How much each line of a list is to copy, read from the manifests of its source."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from regcopy.batch.lines import Line
from regcopy.config.environment import Environment
from regcopy.copying.choice import choose_image
from regcopy.copying.options import CopyOptions
from regcopy.copying.plan import make_plan
from regcopy.copying.pool import Pool
from regcopy.copying.tree import read_tree
from regcopy.errors import (
    Cancelled,
    ConnectionFailed,
    RateLimited,
    RegcopyError,
    ServerFault,
    located,
)
from regcopy.model.digest import Digest
from regcopy.session import Access, Session
from regcopy.transports import parse_reference
from regcopy.transports.base import Capabilities, Context

_CHUNK: Final = 2000
_MANIFESTS_AT_ONCE: Final = 4
_NOT_ASKED: Final = (ConnectionFailed, RateLimited, ServerFault)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a line would copy if nothing of it were at the destination.

    Attributes:
        blobs: size of each blob, in bytes.
        known: False where the source could not be read, and the line will fail.
    """

    line: Line
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    known: bool = True

    @property
    def total_bytes(self) -> int:
        """Bytes of all blobs."""
        return sum(self.blobs.values())


def estimate_lines(
    lines: Sequence[Line],
    *,
    options: CopyOptions | None = None,
    access: Access | None = None,
    jobs: int = 16,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
    advanced: Callable[[int], None] = lambda _: None,
    is_divided_once: bool = False,
) -> list[Estimate]:
    """Read the manifests that all lines name, several at once.

    A source that is not there, or refuses, has an estimate of nothing: that is the same for
    everybody who asks. A source that could not be asked is an error, because a list that is
    divided by two machines must be divided in the same way; unless it is divided only once.

    Args:
        lines: of one list.
        options: which images, as far as a line does not say so itself.
        access: how the sources are reached.
        jobs: lines under way at once.
        cancelled: set it to stop.
        environment: variables and folders; those of the process by default.
        advanced: told now and then how many lines were read.
        is_divided_once: a source that could not be asked has an estimate of nothing, too.

    Returns:
        in the order of the lines.

    Raises:
        TransportError: a source could not be asked.
        Cancelled: it was stopped.
    """
    stop = cancelled or threading.Event()
    estimates: list[Estimate] = []
    with Session(environment=environment, cancelled=stop) as session:
        final = () if is_divided_once else _NOT_ASKED
        reader = _Reader(session, options or CopyOptions(), access or Access(), stop, final)
        for start in range(0, len(lines), _CHUNK):
            estimates += Pool(jobs, stop).map(reader.read, lines[start : start + _CHUNK])
            advanced(len(estimates))
    return estimates


class _Reader:
    def __init__(
        self,
        session: Session,
        options: CopyOptions,
        access: Access,
        cancelled: threading.Event,
        final: tuple[type[RegcopyError], ...],
    ) -> None:
        self._session = session
        self._options = options
        self._access = access
        self._cancelled = cancelled
        self._final: tuple[type[RegcopyError], ...] = (Cancelled, *final)
        # Layers recur: one object each keeps the memory of a long list small.
        self._digests: dict[Digest, Digest] = {}

    def read(self, line: Line) -> Estimate:
        context = self._session.context(line.options.source(self._access), "source")
        context.check_cancelled()
        try:
            blobs = self._blobs(line, context)
        except RegcopyError as error:
            if isinstance(error, self._final):
                raise
            return Estimate(line, known=False)
        return Estimate(line, blobs)

    def _blobs(self, line: Line, context: Context) -> Mapping[Digest, int]:
        options = line.options.applied_to(self._options)
        place = parse_reference(line.source)
        with located(side="source", reference=place), place.open_source(context) as source:
            top = source.get_manifest()
            if options.instances.kind == "system":
                top = choose_image(source, top, options.platform).read(source)
            workers = min(_MANIFESTS_AT_ONCE, source.max_parallel)
            root = read_tree(source, top, options.instances, Pool(workers, self._cancelled))
            plan = make_plan(root, options, Capabilities())
        return {
            self._digests.setdefault(planned.blob.digest, planned.blob.digest): planned.blob.size
            for planned in plan.blobs
        }
