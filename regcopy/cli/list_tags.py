"""`list-tags`: the tags of a repository."""

from __future__ import annotations

from typing import Final

from regcopy.cli.calls import surroundings
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError
from regcopy.cli.gotext import quote
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name


def _run(call: Invocation) -> int:
    if len(call.names) != 1:
        from regcopy.cli.help import usage_line

        call.console.err(usage_line(call.program, COMMAND))
        raise CommandLineError("Exactly one non-option argument expected")
    (name,) = call.names
    from regcopy.transports import find_transport

    if ":" not in name or find_transport(name.partition(":")[0]) is None:
        raise CommandLineError(
            f"Invalid {quote(name)}: does not specify a transport", hint=f"write docker://{name}"
        )
    parse_name(name, "{problem}")
    _refuse_tag(name)
    from regcopy import api
    from regcopy.cli.gojson import encode
    from regcopy.errors import UsageError

    try:
        repository = api.repository_name(name)
        tags = list(api.list_tags(name, **surroundings(call)))
    except UsageError as error:  # skopeo's message, without the place
        raise CommandLineError(error.message, hint=error.hint) from None
    named = {"Repository": repository} if repository else {}
    call.console.out(f"{encode({**named, 'Tags': tags})}\n")
    return OK


def _refuse_tag(name: str) -> None:
    """Refuse the name of one image, as skopeo does; the library just lists its repository."""
    from regcopy.model.reference import ImageName

    prefix, slashes, written = name.partition("//")
    if prefix != "docker:" or not slashes:
        return
    image = ImageName.parse(written)
    if image.tag or image.digest:
        raise CommandLineError(
            "No tag or digest allowed in reference", hint=f"write docker://{image.name}"
        )


COMMAND: Final = Command(
    name="list-tags",
    usage="[flags] REPOSITORY",
    description="Lists all tags of a repository as JSON, in the registry's order.",
    examples=("list-tags docker://docker.io/library/alpine",),
    groups=(
        image_flags("", "The registry", blobs=False),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
    not_found=FAILED,  # a repository is no image; skopeo says the same
)
