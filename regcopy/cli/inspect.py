"""`inspect`: what an image is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import Surroundings, surroundings
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name, platform

if TYPE_CHECKING:
    from regcopy.api import ImageInfo

_DESCRIPTION: Final = """
Shows name, digest, tags, platform, labels and layers of an image as JSON. Nothing is downloaded
but manifests and the config. Of an index, the image for this machine is shown, or the one that
--override-os, --override-arch and --override-variant choose; the digest is the index's.
""".strip()


def _run(call: Invocation) -> int:
    values = call.values
    if len(call.names) != 1:
        raise CommandLineError("Exactly one argument expected")
    if values.string("format") and values.boolean("raw"):
        raise CommandLineError("raw output does not support format option")
    if values.string("format") and values.boolean("config"):
        raise CommandLineError("--format together with --config is not supported yet")
    parse_name(call.names[0], "Error parsing image name {quoted}: {problem}")
    call.console.out_bytes(_output(call, call.names[0]))
    return OK


def _output(call: Invocation, name: str) -> bytes:
    from regcopy import api
    from regcopy.cli.gojson import encode
    from regcopy.model._json import load_object
    from regcopy.model.image_config import to_oci_config

    values, around = call.values, surroundings(call)
    if values.boolean("raw") and not values.boolean("config"):
        return api.get_manifest(name, **around).content
    info = api.inspect(name, platform=platform(values), **around)
    if not values.boolean("config"):
        return _report(call, name, info, around).encode()
    if values.boolean("raw"):
        return info.config
    return f"{encode(load_object(to_oci_config(info.config)))}\n".encode()


def _report(call: Invocation, name: str, info: ImageInfo, around: Surroundings) -> str:
    from regcopy.cli.inspect_output import make_report, report_by_template, report_json

    lists_tags = bool(info.name) and not call.values.boolean("no-tags")
    report = make_report(info, _tags(call, name, around) if lists_tags else ())
    template = call.values.string("format")
    return report_by_template(report, template) if template else report_json(report)


def _tags(call: Invocation, name: str, around: Surroundings) -> list[str]:
    """Tags of the image's repository; some registries do not let everybody list them."""
    from regcopy import api
    from regcopy.errors import Forbidden, NotFound, Unauthorized

    try:
        return list(api.list_tags(name, **around))
    except (Forbidden, NotFound, Unauthorized):
        call.console.log("warning", "Registry disallows tag list retrieval; skipping")
        return []


COMMAND: Final = Command(
    name="inspect",
    usage="[flags] IMAGE",
    description=_DESCRIPTION,
    examples=(
        "inspect docker://docker.io/library/alpine:3",
        "inspect --raw oci:layout:1",
        "inspect --config --override-arch arm64 docker://docker.io/library/alpine:3",
        "inspect --format '{{.Name}}@{{.Digest}}' docker://docker.io/library/alpine:3",
    ),
    groups=(
        FlagGroup(
            "What is shown",
            (
                Flag("raw", "bool", "the bytes of the manifest or index as they are"),
                Flag("config", "bool", "the config; with --raw, its bytes as they are"),
                Flag(
                    "format",
                    short="f",
                    metavar="TEMPLATE",
                    help="fields in a text, such as '{{.Name}} {{.Digest}}', instead of JSON",
                ),
                Flag("no-tags", "bool", "do not list the tags of the repository", short="n"),
                Flag("manifest-digest", later=True),
            ),
        ),
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
