"""What became of one copy, as the report that lists have for each line."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from regcopy.batch.lines import Line
from regcopy.batch.report import Failure, LineReport
from regcopy.copying.options import CompressionOptions, CopyOptions
from regcopy.copying.result import CopiedImage, CopyResult, DryRun


def blank_report(line: Line, options: CopyOptions) -> LineReport:
    """Begin the report of a line, with what is known before anything was done."""
    return LineReport(
        line=line.number,
        source=line.source,
        destination=line.destination,
        status="failed",
        words=line.words,
        how=wanted(options),
    )


def wanted(options: CopyOptions) -> str:
    """Say in words which images are wanted and in which form; equal words, equal result."""
    instances = options.instances
    match instances.kind:
        case "system":
            images = f"system {options.platform}"
        case "platforms":
            images = ",".join(str(platform) for platform in instances.platforms)
            images += " stripped" if instances.strip else ""
        case kind:
            images = kind
    forms = {
        "format": options.format,
        "compression": _told(options.compression),
        "signed": len(options.signers),
        "signatures": "removed" if options.remove_signatures else "",
        "referrers": "copied" if options.referrers else "",
    }
    return " ".join([images, *(f"{name}={form}" for name, form in forms.items() if form)])


def planned(blank: LineReport, plan: DryRun, *, is_one: bool) -> LineReport:
    """Report what a copy would do; `is_one`: one image was to be taken out of an index."""
    return replace(
        blank,
        status="would-copy",
        digest=str(plan.digest or ""),
        source_digest=str(plan.source_digest),
        platforms=_platforms(plan.images),
        already_there=plan.already_there,
        narrowed_to=_narrowed_to(plan) if is_one else "",
        bytes_copied=plan.bytes_to_copy,
        bytes_reused=plan.bytes_present,
        blobs_copied=plan.blobs_to_copy,
        blobs_reused=plan.blobs_present,
        referrers=plan.referrers,
    )


def copied(blank: LineReport, result: CopyResult, *, is_one: bool) -> LineReport:
    """Report what a copy did; `is_one`: one image was to be taken out of an index."""
    return replace(
        blank,
        status="done",
        digest=str(result.digest),
        source_digest=str(result.source_digest),
        platforms=_platforms(result.images),
        already_there=result.already_there,
        narrowed_to=_narrowed_to(result, result.changed) if is_one else "",
        changed=result.changed,
        bytes_copied=result.bytes_copied,
        bytes_reused=result.bytes_reused,
        bytes_mounted=result.bytes_mounted,
        blobs_copied=result.blobs_copied,
        blobs_reused=result.blobs_reused,
        blobs_mounted=result.blobs_mounted,
        referrers=result.referrers,
    )


def failed(blank: LineReport, error: Exception) -> LineReport:
    """Report that a copy failed."""
    return replace(blank, failure=Failure.of(error))


def stopped(blank: LineReport) -> LineReport:
    """Report that the run ended before the copy did."""
    return replace(blank, status="stopped")


def at_its_end(report: LineReport, began: float) -> LineReport:
    """Complete a report with the time; `began` is of the monotonic clock."""
    ended = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return replace(report, seconds=time.monotonic() - began, ended=ended)


def _told(compression: CompressionOptions) -> str:
    if compression == CompressionOptions():
        return ""
    forced = "forced" if compression.force else "wanted"
    return f"{compression.layers},{compression.format},{compression.level},{forced}"


def _platforms(images: tuple[CopiedImage, ...]) -> tuple[str, ...]:
    return tuple(str(image.platform) for image in images if image.platform is not None)


def _narrowed_to(result: CopyResult | DryRun, changed: str = "") -> str:
    """Platform of the one image that was taken out of an index, or ""."""
    if result.digest == result.source_digest or not result.images:
        return ""
    platform = result.images[0].platform
    if platform is not None:
        return str(platform)
    # Without a conversion, the digests differ only because the top manifest is an index.
    return "" if changed or result.digest is None else "one image"
