"""`sync`: many images between repositories and folders, several at once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final, get_args

from regcopy.cli.calls import check_two_places
from regcopy.cli.command import Command, Invocation
from regcopy.cli.exits import FAILED, NOT_FOUND, OK
from regcopy.cli.flags import CommandLineError
from regcopy.cli.gotext import quote
from regcopy.cli.groups import access, environment, trust_options
from regcopy.cli.hints import hint_for
from regcopy.cli.progress_flags import progress_form
from regcopy.cli.sync_flags import SYNC_FLAGS
from regcopy.errors import Cancelled, RegcopyError, UsageError

if TYPE_CHECKING:
    from regcopy.batch.report import LineReport
    from regcopy.batch.sync import Note, SyncPlan, SyncRequest, TagFilter, TagPattern
    from regcopy.batch.sync.request import DestinationKind, SourceKind
    from regcopy.copying.options import CopyOptions
    from regcopy.session import Session

_FAILED: Final = "Sync failed due to previous reported error(s) for one or more images"
_DESCRIPTION: Final = """
Copies all images of SOURCE to DESTINATION. With --src docker, SOURCE is a repository, of which all
tags are copied, or one image; with --src dir, a folder with folders like those of dir:; with
--src yaml, a file that lists registries, repositories and tags (see skopeo-sync(1)). With --dest
docker, DESTINATION is a registry, perhaps with a path; with --dest dir, a folder. Both are written
without docker:// and dir:.

Several images are copied at once. What the destination has already is found by its digest, and not
copied again. A folder is never overwritten. Without --keep-going, no copy is begun after one has
failed; what is under way is finished. With --referrers, tags of what is kept beside an image
(sha256-DIGEST, and those of cosign) travel with that image, and count as no images themselves.
""".strip()


def _run(call: Invocation) -> int:
    check_two_places(call, COMMAND)
    progress_form(call)  # what is wrong with it is told before anything is read
    request, options = _request(call), _options(call)
    with _session(call) as session:
        try:
            plan = _plan(call, request, session)
        except UsageError as error:  # skopeo's message, without the place
            raise CommandLineError(error.message, hint=error.hint) from None
    if call.values.boolean("dry-run"):
        return _dry_run(call, request, plan)
    return _sync(call, request, plan, options)


def _request(call: Invocation) -> SyncRequest:
    from regcopy.batch.run import DEFAULT_JOBS, MAX_JOBS
    from regcopy.batch.sync import SyncRequest

    values = call.values
    source_kind, destination_kind = _source_kind(call), _destination_kind(call)
    jobs = values.integer("jobs") if values.has("jobs") else DEFAULT_JOBS
    if not 1 <= jobs <= MAX_JOBS:
        raise CommandLineError(f"--jobs must be a number from 1 to {MAX_JOBS}")
    tags = _tag_filter(call)
    if source_kind == "dir" and (tags.include or tags.exclude):
        raise CommandLineError("folders have no tags to choose from: --src dir copies all of them")
    if call.values.boolean("referrers") and "dir" in (source_kind, destination_kind):
        raise CommandLineError("--referrers needs a registry on both sides: folders have none")
    try:
        return SyncRequest(
            source_kind,
            destination_kind,
            call.names[0],
            call.names[1],
            scoped=values.boolean("scoped"),
            suffix=values.string("append-suffix"),
            tags=tags,
            skip_existing=values.boolean("skip-existing"),
            delete=values.boolean("delete"),
            source_access=access(values, "src-"),
            destination_access=access(values, "dest-"),
            jobs=jobs,
        )
    except CommandLineError:
        raise
    except UsageError as error:
        raise CommandLineError(error.message, hint=error.hint) from None


def _source_kind(call: Invocation) -> SourceKind:
    from regcopy.batch.sync.request import SourceKind

    given = call.values.string("src")
    if not given:
        raise CommandLineError("A source transport must be specified")
    for kind in get_args(SourceKind):
        if given == kind:
            return kind  # type: ignore[no-any-return]
    raise CommandLineError(f"{quote(given)} is not a valid source transport")


def _destination_kind(call: Invocation) -> DestinationKind:
    from regcopy.batch.sync.request import DestinationKind

    given = call.values.string("dest")
    if not given:
        raise CommandLineError("A destination transport must be specified")
    for kind in get_args(DestinationKind):
        if given == kind:
            return kind  # type: ignore[no-any-return]
    raise CommandLineError(f"{quote(given)} is not a valid destination transport")


def _tag_filter(call: Invocation) -> TagFilter:
    from regcopy.batch.sync import TagFilter

    return TagFilter(
        _patterns(call, "include-tag-regex"),
        _patterns(call, "exclude-tag-regex"),
        attachments=not call.values.boolean("referrers"),
    )


def _patterns(call: Invocation, flag: str) -> tuple[TagPattern, ...]:
    from regcopy.batch.sync import TagPattern

    try:
        return tuple(TagPattern(text) for text in call.values.strings(flag))
    except UsageError as error:
        raise CommandLineError(f"--{flag}: {error.message}") from None


def _options(call: Invocation) -> CopyOptions:
    from regcopy.cli.copy_options import copy_options
    from regcopy.cli.copy_signing import signers
    from regcopy.transports import parse_reference

    # The destination matters only for --additional-tag, which there is none of.
    options = copy_options(call.values, parse_reference("dir:."))
    return replace(options, signers=signers(call))


def _session(call: Invocation) -> Session:
    from regcopy.cli.progress import Warnings
    from regcopy.session import Session

    return Session(
        environment=environment(call),
        cancelled=call.cancelled,
        observer=Warnings(call.console),
        trust=trust_options(call.values),
    )


def _plan(call: Invocation, request: SyncRequest, session: Session) -> SyncPlan:
    from regcopy.batch.sync import plan_sync

    def tell(note: Note) -> None:
        call.console.log(note.level, note.message, fields=note.fields)

    return plan_sync(request, session, tell=tell, cancelled=call.cancelled)


def _dry_run(call: Invocation, request: SyncRequest, plan: SyncPlan) -> int:
    console = call.console
    console.log("warning", "Running in dry-run mode")
    for image in plan.images:
        console.log(
            "info",
            f"Would have copied image ref {image.number}/{image.count}",
            fields={"from": image.source, "to": image.destination},
        )
    is_well = not plan.failed and _prune(call, request, plan)
    console.log("info", f"Would have synced {len(plan.images)} images from {plan.sources} sources")
    return _end(call, is_well=is_well)


def _sync(call: Invocation, request: SyncRequest, plan: SyncPlan, options: CopyOptions) -> int:
    failed, done = _copy(call, request, plan, options)
    if call.cancelled.is_set():
        raise Cancelled("cancelled")
    keep_going = call.values.boolean("keep-going")
    if failed and not keep_going:
        return _stopped(call, failed, len(plan.images) - done - len(failed))
    is_well = not failed and not plan.failed
    if request.delete and not is_well:
        call.console.log("warning", "Nothing is deleted, because not everything was copied")
    elif is_well:
        is_well = _prune(call, request, plan)
    call.console.log("info", f"Synced {done} images from {plan.sources} sources")
    return _end(call, is_well=is_well)


def _copy(
    call: Invocation, request: SyncRequest, plan: SyncPlan, options: CopyOptions
) -> tuple[list[LineReport], int]:
    """Copy all images; give the reports of those that failed, and the number of the others."""
    from regcopy.batch.events import LineEnded
    from regcopy.batch.sync import sync_images
    from regcopy.cli.sync_progress import DigestFile, open_sync_progress

    failed: list[LineReport] = []
    done = 0
    with (
        DigestFile(call.values.string("digestfile")) as digests,
        open_sync_progress(call, plan) as progress,
        # Left early, it stops the copies that are under way.
        closing(
            sync_images(
                plan,
                request,
                options=options,
                keep_going=call.values.boolean("keep-going"),
                cancelled=call.cancelled,
                environment=environment(call),
                trust=trust_options(call.values),
            )
        ) as events,
    ):
        for event in events:
            progress.take(event)
            if isinstance(event, LineEnded):
                digests.take(event.report)
                done += event.report.status == "done"
                if event.report.status == "failed":
                    failed.append(event.report)
    return failed, done


def _stopped(call: Invocation, failed: list[LineReport], left: int) -> int:
    """Tell of every failure; the first of them, in the order of the images, is what ends it."""
    from regcopy.cli.sync_progress import log_failure

    first, *others = sorted(failed, key=lambda report: report.line)
    for report in others:
        log_failure(call.console, report)
    failure = first.failure
    if failure is None:
        raise TypeError("a copy that failed says why")
    more = f"{left} images were not begun; --keep-going goes on" if left else ""
    call.console.log(
        "fatal",
        f"Error copying ref {quote(first.source)}: {failure.message}",
        hint="; ".join(filter(None, (hint_for(failure.hint, failure.side), more))),
    )
    is_missing = failure.reason == "not-found" and failure.side == "source"
    return NOT_FOUND if is_missing and "reading blob" not in failure.message else FAILED


def _prune(call: Invocation, request: SyncRequest, plan: SyncPlan) -> bool:
    """Delete what the source has no more, where that is wanted; tell whether all went well."""
    if not request.delete:
        return True
    from regcopy.batch.sync import delete_stale, find_stale

    console, dry_run = call.console, call.values.boolean("dry-run")
    is_well = True
    with _session(call) as session:
        for stale in find_stale(plan, request, session, cancelled=call.cancelled):
            fields = {"digest": str(stale.digest), "image": f"docker://{stale.name}"}
            if stale.needed_by:
                who = stale.needed_by if ":" in stale.needed_by else f"tag {stale.needed_by}"
                told = f"Not deleted: {who} needs its manifest"
                console.log("warning", told, fields=fields)
                continue
            if dry_run:
                console.log("info", "Would have deleted image ref", fields=fields)
                continue
            try:
                delete_stale(stale, request, session)
            except Cancelled:
                raise
            except RegcopyError as error:
                is_well = False
                console.log("error", f"Error deleting ref: {error}", hint=error.hint, fields=fields)
            else:
                console.log("info", "Deleted image ref", fields=fields)
    return is_well


def _end(call: Invocation, *, is_well: bool) -> int:
    if is_well:
        return OK
    call.console.log("fatal", _FAILED)
    return FAILED


COMMAND: Final = Command(
    name="sync",
    usage="[flags] --src KIND --dest KIND SOURCE DESTINATION",
    description=_DESCRIPTION,
    examples=(
        "sync --src docker --dest docker quay.io/team/app registry.example.com/team",
        "sync --src docker --dest dir --scoped quay.io/team/app /media/usb",
        "sync --src dir --dest docker /media/usb registry.example.com",
        "sync --src yaml --dest docker --all --keep-going sync.yaml registry.example.com/mirror",
        "sync -s docker -d docker --delete --dry-run quay.io/team/app registry.example.com/team",
    ),
    groups=SYNC_FLAGS,
    run=_run,
    stops_itself=True,
    not_found=FAILED,
)
