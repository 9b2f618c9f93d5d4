"""`copy`: one image, or an index with its images, from one place to another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypedDict

from regcopy.cli.calls import check_two_places
from regcopy.cli.command import Command, Invocation
from regcopy.cli.copy_flags import COPY_FLAGS
from regcopy.cli.exits import OK
from regcopy.cli.groups import access, environment, parse_name, trust_options
from regcopy.cli.progress_flags import progress_form

if TYPE_CHECKING:
    import threading

    from regcopy.api import Access
    from regcopy.config.environment import Environment
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.result import CopyResult
    from regcopy.trust.options import TrustOptions

_DESCRIPTION: Final = """
Copies an image from one place to another and verifies every byte. Of an index (a multi-platform
image), the image for this machine is copied, unless --all, --multi-arch or --platform says
otherwise. What is at the destination already is not copied again, and inside one registry no
blob is moved at all.

Places are docker://HOST/NAME[:TAG|@DIGEST] (a registry), oci:FOLDER[:NAME] (an OCI layout),
dir:FOLDER (plain files), docker-archive:FILE[:NAME:TAG] and oci-archive:FILE[:NAME] (tar files),
docker-daemon:NAME[:TAG], containers-storage:NAME, ostree:NAME[@REPO], atomic:HOST/NAMESPACE/NAME;
and, to read from only, tarball:FILE[:FILE...] and sif:FILE.
""".strip()


class _Sides(TypedDict):
    """Arguments that `api.copy` and `api.plan_copy` share."""

    options: CopyOptions
    source_access: Access
    destination_access: Access
    cancelled: threading.Event
    environment: Environment
    trust: TrustOptions


def _run(call: Invocation) -> int:
    check_two_places(call, COMMAND)
    progress_form(call)  # what is wrong with it is told before anything is read
    sides = _sides(call)
    if call.values.boolean("dry-run"):
        return _dry_run(call, sides)
    return _copy(call, sides)


def _sides(call: Invocation) -> _Sides:
    from regcopy.cli.copy_options import copy_options
    from regcopy.cli.copy_signing import signers

    values = call.values
    parse_name(call.names[0], "Invalid source name {name}: {problem}")
    destination = parse_name(call.names[1], "Invalid destination name {name}: {problem}")
    return {
        "source_access": access(values, "src-"),
        "destination_access": access(values, "dest-"),
        "options": replace(copy_options(values, destination), signers=signers(call)),
        "cancelled": call.cancelled,
        "environment": environment(call),
        "trust": trust_options(values),
    }


def _copy(call: Invocation, sides: _Sides) -> int:
    from regcopy import api
    from regcopy.cli.digestfile import check_digestfile, write_digestfile
    from regcopy.cli.progress import open_progress

    source, destination = call.names
    digestfile = call.values.string("digestfile")
    if digestfile:
        check_digestfile(digestfile)
    with open_progress(call, sides["options"]) as progress:
        result = api.copy(source, destination, observer=progress, **sides)
        progress.finish(result)
    if digestfile:
        write_digestfile(digestfile, result.digest)
    if progress_form(call) in ("auto", "lines"):
        _tell_what_is_special(call, result)
    return OK


def _tell_what_is_special(call: Invocation, result: CopyResult) -> None:
    if result.changed:
        call.console.log(
            "info",
            f"the copy is {result.digest}, not {result.source_digest}: {result.changed}",
        )
    if result.referrers:
        call.console.log("info", f"referrers that were copied, too: {result.referrers}")


def _dry_run(call: Invocation, sides: _Sides) -> int:
    from regcopy import api
    from regcopy.cli.dry_run import dry_run_text
    from regcopy.cli.progress import open_plan_progress

    source, destination = call.names
    with open_plan_progress(call, sides["options"]) as progress:
        plan = api.plan_copy(source, destination, observer=progress, **sides)
        progress.finish_plan(plan)
    call.console.out(dry_run_text(plan))
    return OK


COMMAND: Final = Command(
    name="copy",
    usage="[flags] SOURCE DESTINATION",
    description=_DESCRIPTION,
    examples=(
        "copy docker://docker.io/library/alpine:3 oci:alpine:3",
        "copy --all docker://quay.io/team/app:1 docker://registry.example.com/team/app:1",
        "copy --platform linux/amd64 --platform linux/arm64 docker://quay.io/team/app:1 dir:app",
        "copy --dry-run --all oci:layout:1 docker://registry.example.com/team/app:1",
        "copy --progress json --log-format json docker://quay.io/team/app:1 dir:app",
    ),
    groups=COPY_FLAGS,
    run=_run,
    stops_itself=True,
)
