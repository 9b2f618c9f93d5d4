"""Say what a copy would do, without beginning anything at the destination."""

from __future__ import annotations

from dataclasses import replace

from regcopy.copying.choice import Wanted
from regcopy.copying.engine import copied_images, plan_for, present_images
from regcopy.copying.places import CopyJob, Places, open_places
from regcopy.copying.plan import Plan, PlannedBlob
from regcopy.copying.referrers import Referrers, check_referrers
from regcopy.copying.result import DryRun
from regcopy.errors import located
from regcopy.model.manifest import RawManifest
from regcopy.transports.abilities import MountsBlobs


def dry_run(job: CopyJob) -> DryRun:
    """Look at both sides, and say what would move.

    Args:
        job: its contexts are `read_only`.

    Raises:
        RegcopyError: as the copy would, as far as that shows before anything is written.
    """
    check_referrers(job)
    with open_places(job) as places:
        top, present = places.look()
        wanted = places.choose(top)
        if places.is_there(wanted, present):
            root = places.read(wanted) if job.options.referrers else None
            return replace(_nothing(places, top, wanted), referrers=Referrers(places, root).missing)
        plan = plan_for(places, wanted)
        with located(side="destination", reference=job.destination):
            present_blobs = places.pool.map(lambda blob: _is_known(places, blob), plan.blobs)
        referrers = Referrers(places, plan.root if job.options.referrers else None)
        result = _result(places, top, wanted, plan, present_blobs)
        return replace(result, referrers=referrers.missing)


def _nothing(places: Places, top: RawManifest, wanted: Wanted) -> DryRun:
    return DryRun(
        source_digest=top.digest,
        digest=wanted.digest,
        images=present_images(places.job, wanted),
        blobs_to_copy=0,
        bytes_to_copy=0,
        blobs_present=0,
        bytes_present=0,
        requests=_requests(places, manifests=1, new=0, known=0, written=0),
        already_there=True,
    )


def _is_known(places: Places, planned: PlannedBlob) -> bool:
    """Whether no byte of the blob would move: it is there, or can probably be mounted."""
    place = places.destination
    if planned.change is not None:
        return planned.change.may_stay and place.find_blob(planned.blob)
    if isinstance(place, MountsBlobs) and place.can_mount_from(places.job.source):
        return True
    return place.find_blob(planned.blob)


def _result(
    places: Places, top: RawManifest, wanted: Wanted, plan: Plan, known: list[bool]
) -> DryRun:
    new = [planned for planned, there in zip(plan.blobs, known, strict=True) if not there]
    moving = [planned.blob.size for planned in new]
    staying = [p.blob.size for p, there in zip(plan.blobs, known, strict=True) if there]
    changes = plan.reasons(planned.change for planned in new if planned.change)
    manifests = sum(1 for _ in plan.root.walk())
    return DryRun(
        source_digest=top.digest,
        digest=None if changes else plan.root.raw.digest,
        images=copied_images(plan.root, wanted),
        blobs_to_copy=len(moving),
        bytes_to_copy=sum(moving),
        blobs_present=len(staying),
        bytes_present=sum(staying),
        requests=_requests(
            places,
            manifests=manifests + (wanted.entry is not None),
            new=len(moving),
            known=len(staying),
            written=manifests + len(places.job.options.additional_tags),
        ),
        already_there=False,
    )


def _requests(places: Places, *, manifests: int, new: int, known: int, written: int) -> int:
    source = places.source.costs
    place = places.destination.capabilities.costs
    return (
        source.image
        + source.manifest * manifests
        + source.new_blob * new
        + place.image
        + place.manifest * written
        + place.new_blob * new
        + place.known_blob * known
    )
