"""`diff`: how two images differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import reading
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK, report
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, parse_name, platform
from regcopy.text import human_bytes, printable

if TYPE_CHECKING:
    from regcopy.checking.diff import FileChange, ImageDifference, ValueChange
    from regcopy.checking.files import FileEntry
    from regcopy.model.descriptor import Descriptor

DIFFERENT: Final = 1
TROUBLE: Final = 2

_DESCRIPTION: Final = """
Shows how two images differ: platforms, manifest, config, layers, and the files in the layers. Of
an index, the image for this machine is looked into, or the one that --override-os,
--override-arch and --override-variant choose. The layers are read for that, unless they are the
same or --no-files is given; contents, sizes, permissions and targets of links count, owners and
times do not.

Exit codes are those of diff(1). 0: both are the same image, with the same digest. 1: they differ.
2: one of them does not exist or cannot be read.
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.errors import Cancelled, RegcopyError

    try:
        return _compare(call)
    except Cancelled:
        raise
    except RegcopyError as error:
        report(call.console, error, debug=call.values.boolean("debug"))
        return TROUBLE


def _compare(call: Invocation) -> int:
    from regcopy.checking.diff import diff_images

    if len(call.names) != 2:
        raise CommandLineError("Exactly two arguments expected")
    first, second = call.names
    for name in call.names:
        parse_name(name, "Error parsing image name {quoted}: {problem}")
    how = reading(call)
    found = diff_images(
        first,
        second,
        platform=platform(call.values),
        files=not call.values.boolean("no-files"),
        readings=(how, how),
    )
    if call.values.boolean("json"):
        from regcopy.cli.gojson import encode

        call.console.out(f"{encode(_document(first, second, found))}\n")
    elif not found.is_same:
        call.console.out("".join(f"{line}\n" for line in _lines(first, second, found)))
    return OK if found.is_same else DIFFERENT


def _lines(first: str, second: str, found: ImageDifference) -> Iterator[str]:
    yield f"--- {printable(first)}  {found.digests[0]}"
    yield f"+++ {printable(second)}  {found.digests[1]}"
    yield from _values("platforms", found.platforms)
    yield from _values("manifest", found.manifest)
    yield from _values("config", found.config)
    if found.removed_layers or found.added_layers:
        yield f"layers: {found.shared_layers} are in both images"
        yield from (_layer("-", layer) for layer in found.removed_layers)
        yield from (_layer("+", layer) for layer in found.added_layers)
    if found.files:
        yield f"files: {len(found.files)} differ"
        for change in found.files:
            yield _file(change)


def _values(title: str, changes: Sequence[ValueChange]) -> Iterator[str]:
    if changes:
        yield f"{title}:"
    for change in changes:
        for sign, value in (("-", change.before), ("+", change.after)):
            if value is not None:
                yield f"{sign} {printable(change.name)}: {printable(value)}"


def _layer(sign: str, layer: Descriptor) -> str:
    return f"{sign} {layer.digest}  {printable(layer.media_type)}  {human_bytes(layer.size)}"


def _file(change: FileChange) -> str:
    path = printable(change.path, limit=4096)
    if change.before is None or change.after is None:
        there = change.before or change.after
        about = f"  ({there.kind}, {human_bytes(there.size)})" if there else ""
        return f"{'-' if change.before else '+'} {path}{about}"
    told = [_aspect(aspect, change.before, change.after) for aspect in change.aspects]
    return f"~ {path}  ({', '.join(told)})"


def _aspect(aspect: str, before: FileEntry, after: FileEntry) -> str:
    match aspect:
        case "kind":
            return f"{before.kind} → {after.kind}"
        case "size":
            return f"{before.size} → {after.size} bytes"
        case "mode":
            return f"mode {before.mode:04o} → {after.mode:04o}"
        case "target":
            return f"target {printable(before.target)} → {printable(after.target)}"
    return aspect


def _document(first: str, second: str, found: ImageDifference) -> dict[str, object]:
    return {
        "Names": [first, second],
        "Digests": [str(digest) for digest in found.digests],
        "Same": found.is_same,
        "Platforms": [_value(change) for change in found.platforms],
        "Manifest": [_value(change) for change in found.manifest],
        "Config": [_value(change) for change in found.config],
        "Layers": {
            "Shared": found.shared_layers,
            "Removed": [layer.to_json() for layer in found.removed_layers],
            "Added": [layer.to_json() for layer in found.added_layers],
        },
        "Files": None if found.files is None else [_file_value(one) for one in found.files],
    }


def _value(change: ValueChange) -> dict[str, object]:
    return {"Name": change.name, "Before": change.before, "After": change.after}


def _file_value(change: FileChange) -> dict[str, object]:
    return {
        "Path": printable(change.path, limit=4096),
        "Before": _entry(change.before),
        "After": _entry(change.after),
        "Differs": list(change.aspects),
    }


def _entry(entry: FileEntry | None) -> dict[str, object] | None:
    if entry is None:
        return None
    return {
        "Kind": entry.kind,
        "Size": entry.size,
        "Content": f"sha256:{entry.content}" if entry.content else "",
        "Mode": f"{entry.mode:04o}",
        "Target": printable(entry.target, limit=4096),
    }


COMMAND: Final = Command(
    name="diff",
    usage="[flags] IMAGE IMAGE",
    description=_DESCRIPTION,
    examples=(
        "diff docker://quay.io/team/app:1 docker://quay.io/team/app:2",
        "diff --no-files --json oci:layout:1 dir:app",
    ),
    groups=(
        FlagGroup(
            "What is compared",
            (
                Flag("no-files", "bool", "read no layers, and compare no files"),
                Flag("json", "bool", "print JSON"),
            ),
        ),
        image_flags("", "The registries"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
)
