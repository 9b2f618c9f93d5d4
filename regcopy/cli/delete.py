"""`delete`: one image, with every tag that names it."""

from __future__ import annotations

from typing import Final

from regcopy.cli.calls import surroundings
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name

_DESCRIPTION: Final = """
Deletes an image. In a registry, the tag is resolved to a digest and the manifest of that digest
is deleted, so every tag that names it goes; the registry frees the space later. Of a layout, the
entry goes, and all blobs that no other image of the layout needs. Out of containers-storage, it
goes with all its names, unless a container uses it.
""".strip()


def _run(call: Invocation) -> int:
    if len(call.names) != 1:
        raise CommandLineError("Usage: delete imageReference")
    (name,) = call.names
    parse_name(name, "Invalid source name {name}: {problem}")
    from regcopy import api

    api.delete(name, **surroundings(call))
    return OK


COMMAND: Final = Command(
    name="delete",
    usage="[flags] IMAGE",
    description=_DESCRIPTION,
    examples=("delete docker://registry.example.com/team/app:1", "delete oci:layout:1"),
    groups=(
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
