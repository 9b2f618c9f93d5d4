"""One line of a list: copied, looked at, or found done; and its report, whatever happens."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Final

from regcopy.batch.lines import Line
from regcopy.batch.outcome import at_its_end, blank_report, copied, failed, planned, stopped
from regcopy.batch.report import LineReport
from regcopy.batch.resume import Done, current_digest
from regcopy.copying.options import CopyOptions
from regcopy.errors import Cancelled, NotFound, RateLimited, RegcopyError, TransportError
from regcopy.events import Observer
from regcopy.session import Access, Session
from regcopy.transports import parse_reference
from regcopy.transports.abilities import ListsTags

_MOST_TRIES: Final = 5
# Codes of the distribution-spec for a manifest whose blobs are not there.
_LOST: Final = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"})


@dataclass(frozen=True)
class HowToCopy:
    """What holds for all lines, as far as a line itself does not say otherwise.

    Attributes:
        dry_run: only tell what would be copied.
        done_before: what earlier runs have done.
        cancelled: set when the run is stopped.
    """

    options: CopyOptions = field(default_factory=CopyOptions)
    source: Access = field(default_factory=Access)
    destination: Access = field(default_factory=Access)
    dry_run: bool = False
    done_before: Done = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)


def copy_line(session: Session, line: Line, how: HowToCopy, observer: Observer) -> LineReport:
    """Do what a line says; every failure becomes part of its report."""
    began = time.monotonic()
    how = replace(how, options=line.options.applied_to(how.options))
    blank = blank_report(line, how.options)
    tries = 0
    report: LineReport | None = None
    while report is None:
        tries += 1
        try:
            report = _do(session, line, how, blank, observer)
        except Cancelled:
            report = stopped(blank)
        except RegcopyError as error:
            if tries < _tries(how, error) and not _is_stopped_after(how, tries):
                continue
            _hint_at_missing_repository(line, error)
            report = failed(blank, error)
        except Exception as error:  # noqa: BLE001 — one line must not end the others
            report = failed(blank, error)
    return at_its_end(replace(report, tries=tries), began)


def _tries(how: HowToCopy, error: RegcopyError) -> int:
    """How often a line is tried that fails like this.

    Requests are repeated where they fail; a line is, where that did not help and may later.
    A registry that refuses a manifest for a blob that it has just been given, or has just
    said it has, may be writing that blob's name for somebody else at that moment
    (distribution does so in place); or the blob was removed meanwhile, and has to be given
    again. And in a long list a registry's limits are reached by all lines together.
    """
    if not isinstance(error, TransportError):
        return 1
    codes = error.answer.codes if error.answer else ()
    is_blob_lost = error.side == "destination" and not _LOST.isdisjoint(codes)
    is_limited = isinstance(error, RateLimited) and not _is_long(error, how)
    if not is_blob_lost and not is_limited:
        return 1
    return min(_MOST_TRIES, how.destination.retry.tries)


def _is_long(error: RateLimited, how: HowToCopy) -> bool:
    return (error.retry_after or 0.0) > how.destination.retry.longest_wait_seconds


def _is_stopped_after(how: HowToCopy, tries: int) -> bool:
    """Wait a little before a line is tried again; tell whether the run was stopped."""
    longest = how.destination.retry.first_delay_seconds * tries
    # Lines that got in each other's way must not come back at one moment.
    pause = random.uniform(0.0, longest)  # noqa: S311 — no secret depends on it
    return how.cancelled.wait(pause)


def _do(
    session: Session, line: Line, how: HowToCopy, blank: LineReport, observer: Observer
) -> LineReport:
    report = resumed_line(session, line, how, blank)
    if report is not None:
        return report
    source, destination = line.options.source(how.source), line.options.destination(how.destination)
    is_one = how.options.instances.kind == "system"
    if how.dry_run:
        plan = session.plan_copy(
            line.source,
            line.destination,
            options=how.options,
            source_access=source,
            destination_access=destination,
        )
        return planned(blank, plan, is_one=is_one)
    result = session.copy(
        line.source,
        line.destination,
        options=how.options,
        source_access=source,
        destination_access=destination,
        observer=observer,
    )
    return copied(blank, result, is_one=is_one)


def blank_of(line: Line, how: HowToCopy) -> LineReport:
    """Begin the report of a line."""
    return blank_report(line, line.options.applied_to(how.options))


def resumed_line(
    session: Session, line: Line, how: HowToCopy, blank: LineReport
) -> LineReport | None:
    """Report a line that an earlier run has done, if its image is still at its destination.

    Args:
        session: reaches the destination.
        line: of a list.
        how: what holds for all lines.
        blank: the line's report, with nothing done.

    Raises:
        Cancelled: the run was stopped.
    """
    earlier = how.done_before.get(blank.key)
    if earlier is None:
        return None
    access = line.options.destination(how.destination)
    if not _is_still_there(session, line, access, earlier):
        return None
    return replace(
        blank,
        status="done",
        digest=earlier.digest,
        source_digest=earlier.source_digest,
        platforms=earlier.platforms,
        narrowed_to=earlier.narrowed_to,
        changed=earlier.changed,
        already_there=True,
        resumed=True,
    )


def _is_still_there(session: Session, line: Line, access: Access, earlier: LineReport) -> bool:
    try:
        found = current_digest(line.destination, session.context(access, "destination"))
    except Cancelled:
        raise
    except RegcopyError:
        return False  # the copy itself finds out, and tells
    return found is not None and str(found) == earlier.digest


def _hint_at_missing_repository(line: Line, error: RegcopyError) -> None:
    if not isinstance(error, NotFound) or error.side != "destination" or error.hint:
        return
    place = parse_reference(line.destination)
    if isinstance(place, ListsTags):
        error.hint = f"the repository {place.repository_name} may have to be created first"
