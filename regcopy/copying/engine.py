"""Copy one image: open, read the manifests, plan, transfer the blobs, write the manifests.

The order in which things become visible at the destination is fixed: blobs, then manifests
from the leaves up, then the name. A reader never sees a manifest that lacks something.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from regcopy.copying.choice import Wanted
from regcopy.copying.commit import Writer
from regcopy.copying.fitting import check_fit
from regcopy.copying.places import CopyJob, Places, open_places
from regcopy.copying.plan import Plan, make_plan
from regcopy.copying.recompression import diff_ids
from regcopy.copying.referrers import Referrers, check_referrers, explained
from regcopy.copying.result import CopiedImage, CopyResult
from regcopy.copying.source_blobs import SourceBlobs
from regcopy.copying.tally import Tally
from regcopy.copying.transfer import Outcome, Placed, Transfer
from regcopy.copying.tree import Node, select
from regcopy.errors import NotFound, Refused, located
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest

_Finished = tuple[tuple[CopyResult, ...], Mapping[Digest, RawManifest]]
"""Referrers that were copied, and what was written, by the source's digest."""


def copy_image(job: CopyJob, tally: Tally) -> CopyResult:
    """Copy one image, or do nothing where the destination has it already.

    Args:
        job: what, from where, to where.
        tally: told of everything but repeated requests, which the observers of both contexts hear.

    Raises:
        RegcopyError: it could not be copied; the name at the destination is as it was.
    """
    began = time.monotonic()
    check_referrers(job)
    with open_places(job) as places:
        top, present = places.look()
        wanted = places.choose(top)
        if places.is_there(wanted, present):
            result = _nothing_to_do(job, top, wanted)
            root = places.read(wanted) if job.options.referrers else None
            result = result.with_referrers(Referrers(places, root).bring(copy_image))
        else:
            result = _copy(places, top, wanted, tally)
    return replace(result, seconds=time.monotonic() - began)


def plan_for(places: Places, wanted: Wanted) -> Plan:
    """Read the manifests, and decide what happens to them."""
    root = places.read(wanted)
    job = places.job
    with (
        located(reference=f"{job.source} to {job.destination}"),
        explained(job.options),
        places.signatures.explained(),
    ):
        return make_plan(
            root,
            places.options,
            places.destination.capabilities,
            plain_layers=places.source.layers_are_plain,
        )


def copied_images(root: Node, wanted: Wanted) -> tuple[CopiedImage, ...]:
    """The images below a manifest, or the one image that it is."""
    if isinstance(root.parsed, ImageIndex):
        return tuple(CopiedImage(node.raw.digest, node.platform) for node in root.images())
    return (CopiedImage(root.raw.digest, wanted.platform),)


def present_images(job: CopyJob, wanted: Wanted) -> tuple[CopiedImage, ...]:
    """The images that would be copied, where their manifests need not be read."""
    parsed = parse_manifest(wanted.raw) if wanted.raw else None
    if isinstance(parsed, ImageIndex):
        entries = select(parsed, job.options.instances)
        return tuple(CopiedImage(entry.digest, entry.platform) for entry in entries)
    return (CopiedImage(wanted.digest, wanted.platform),)


def _nothing_to_do(job: CopyJob, top: RawManifest, wanted: Wanted) -> CopyResult:
    return CopyResult(
        digest=wanted.digest,
        source_digest=top.digest,
        images=present_images(job, wanted),
        already_there=True,
    )


def _copy(places: Places, top: RawManifest, wanted: Wanted, tally: Tally) -> CopyResult:
    job = places.job
    plan = plan_for(places, wanted)
    blobs = SourceBlobs(places, tally)
    with located(side="source", reference=job.source):
        configs = blobs.read_configs(plan.configs)
        writer = Writer(places, plan, configs, tally)
        writer.check()
        expected = diff_ids(plan.root, plan.layers, configs)
    referrers = Referrers(places, plan.root if job.options.referrers else None)
    tally.notify(plan.started(places.signatures.signed))
    with located(reference=job.destination):
        transfer = Transfer(places, blobs, tally, expected)

        def finish(placed: list[Placed]) -> _Finished:
            with located(side="source", reference=job.source):
                check_fit(plan.fitted, plan.layers, configs, transfer.plain_layers.find)
            referrers.put_subjects()
            return referrers.bring(copy_image), writer.write(transfer, placed)

        placed, (brought, written) = _place_and(finish, transfer, plan)
    digest = written[plan.root.raw.digest].digest
    reasons = plan.reasons(one.change for one in placed if one.change)
    result = CopyResult(
        digest=digest,
        source_digest=top.digest,
        images=tuple(
            replace(image, digest=written[image.digest].digest)
            for image in copied_images(plan.root, wanted)
        ),
        bytes_copied=_bytes(placed, "copied"),
        bytes_reused=_bytes(placed, "reused"),
        bytes_mounted=_bytes(placed, "mounted"),
        blobs_copied=_count(placed, "copied"),
        blobs_reused=_count(placed, "reused"),
        blobs_mounted=_count(placed, "mounted"),
        changed="; ".join(reasons) if digest != plan.root.raw.digest else "",
    )
    return result.with_referrers(brought)


def _place_and(
    finish: Callable[[list[Placed]], _Finished], transfer: Transfer, plan: Plan
) -> tuple[list[Placed], _Finished]:
    """Place the blobs and finish; once more where the destination may have lost some of them."""
    placed = transfer.run(plan.blobs, plan.unpacked)
    try:
        return placed, finish(placed)
    except (NotFound, Refused):
        if not transfer.doubt():
            raise
    placed = transfer.run(plan.blobs, plan.unpacked)
    return placed, finish(placed)


def _bytes(placed: Iterable[Placed], outcome: Outcome) -> int:
    return sum(one.planned.blob.size for one in placed if one.outcome == outcome)


def _count(placed: Iterable[Placed], outcome: Outcome) -> int:
    return sum(one.outcome == outcome for one in placed)
