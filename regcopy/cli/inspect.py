"""`inspect`: what an image is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import Surroundings, surroundings
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.gotext import quote
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name, platform

if TYPE_CHECKING:
    from regcopy.copying.image_info import ImageInfo

_DESCRIPTION: Final = """
Shows name, digest, tags, platform, labels and layers of an image as JSON. Nothing is downloaded
but manifests and the config. Of an index, the image for this machine is shown, or the one that
--override-os, --override-arch and --override-variant choose; the digest is the index's.

--format takes a Go template: text, {{.Field}}, {{json .Labels}}, {{index .Layers 0}}, pipes,
variables, {{if}}, {{with}}, {{range}} with {{else}} and {{end}}, trimming markers, comments, and
the functions and or not, eq ne lt le gt ge, len index slice, print printf println, join split
json lower upper title pad truncate. \\t and \\n are a tab and a new line, and a template that
begins with "table " shows columns. With --config the fields are those of the config, such as
{{.Config.Env}}.
""".strip()

_ALGORITHMS: Final = ("sha256", "sha512")


def _run(call: Invocation) -> int:
    values = call.values
    if len(call.names) != 1:
        raise CommandLineError("Exactly one argument expected")
    if values.string("format") and values.boolean("raw"):
        raise CommandLineError("raw output does not support format option")
    _algorithm(call)
    parse_name(call.names[0], "Error parsing image name {quoted}: {problem}")
    call.console.out_bytes(_output(call, call.names[0]))
    return OK


def _algorithm(call: Invocation) -> str:
    name = call.values.string("manifest-digest")
    if name and name not in _ALGORITHMS:
        raise CommandLineError(
            f"--manifest-digest: unknown algorithm {quote(name)}",
            hint=f"there are {', '.join(_ALGORITHMS)}",
        )
    return name


def _output(call: Invocation, name: str) -> bytes:
    from regcopy import api

    values, around = call.values, surroundings(call)
    if values.boolean("raw") and not values.boolean("config"):
        return api.get_manifest(name, **around).content
    info = api.inspect(name, platform=platform(values), **around)
    if not values.boolean("config"):
        return _report(call, name, info, around).encode()
    if values.boolean("raw"):
        return info.config if info.manifest.config else b""
    return _config(call, info).encode()


def _config(call: Invocation, info: ImageInfo) -> str:
    from regcopy.cli.inspect_output import by_template, config_json
    from regcopy.model._json import load_object
    from regcopy.model.image_config import to_oci_config

    config = load_object(to_oci_config(info.config))
    template = call.values.string("format")
    return by_template(config, template, is_config=True) if template else config_json(config)


def _report(call: Invocation, name: str, info: ImageInfo, around: Surroundings) -> str:
    from regcopy.cli.inspect_output import by_template, make_report, report_json

    lists_tags = bool(info.name) and not call.values.boolean("no-tags")
    report = {
        **make_report(info, _tags(call, name, around) if lists_tags else ()),
        "Digest": _digest(info, _algorithm(call)),
    }
    template = call.values.string("format")
    return by_template(report, template) if template else report_json(report)


def _digest(info: ImageInfo, algorithm: str) -> str:
    if algorithm in ("", info.digest.algorithm):
        return str(info.digest)
    return f"{algorithm}:{hashlib.new(algorithm, info.raw.content).hexdigest()}"


def _tags(call: Invocation, name: str, around: Surroundings) -> list[str]:
    """Tags of the image's repository; some registries do not let everybody list them."""
    from regcopy import api
    from regcopy.errors import Forbidden, NotFound, Unauthorized
    from regcopy.transports import parse_reference
    from regcopy.transports.abilities import ListsTags

    place = parse_reference(name)
    if not isinstance(place, ListsTags) or place.spans_repositories:
        return []
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
                    help="a Go template, such as '{{.Name}} {{.Digest}}', instead of JSON",
                ),
                Flag("no-tags", "bool", "do not list the tags of the repository", short="n"),
                Flag(
                    "manifest-digest",
                    metavar="ALGORITHM",
                    help="algorithm of the digest that is shown: sha256 or sha512",
                    default="sha256",
                ),
            ),
        ),
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
