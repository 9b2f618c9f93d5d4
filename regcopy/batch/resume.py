"""What earlier runs have done, and whether it is still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from regcopy.batch.report import LineReport
from regcopy.errors import located
from regcopy.model.digest import Digest
from regcopy.transports import parse_reference
from regcopy.transports.abilities import HoldsImages, SharesFile
from regcopy.transports.base import Context

Done = Mapping[tuple[str, str, str], LineReport]


def done_before(reports: Iterable[LineReport]) -> Done:
    """Give the lines that earlier reports show done, by `LineReport.key`; the newest counts."""
    return {report.key: report for report in reports if report.status == "done" and report.digest}


def current_digest(reference: str, context: Context) -> Digest | None:
    """Ask a place which image its name stands for; in a registry this is one HEAD.

    Args:
        reference: `transport:reference` of a destination.
        context: how it is reached; nothing is written.

    Returns:
        None where there is no image, or the place cannot tell.

    Raises:
        UsageError: the reference makes no sense.
        RegcopyError: the place cannot be asked, or what is there is broken.
    """
    place = parse_reference(reference)
    looking = replace(context, read_only=True)
    if isinstance(place, SharesFile):
        # Opened as a destination, it would be a file that is written anew.
        with located(side="destination", reference=place):
            return place.current_digest(looking)
    with located(side="destination", reference=place), place.open_destination(looking) as opened:
        return opened.current_digest() if isinstance(opened, HoldsImages) else None
