"""The table of transports, and parsing of `transport:reference`.

This package is imported as `regcopy.transports`; its files lie in the top-level folder
`transports` (see the first lines of ARCHITECTURE.md).

A reference can be opened by itself, for what no call of the library does. An artifact that
was made in memory:

    content = b'{"passed": true}'
    blob = Descriptor("application/json", Digest.of(content), len(content))
    empty = Descriptor("application/vnd.oci.empty.v1+json", Digest.of(b"{}"), 2)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example.report",
        "config": empty.to_json(),
        "layers": [blob.to_json()],
    }
    place = parse_reference("docker://registry.example.com/team/report:1")
    with (
        Session() as session,
        place.open_destination(session.context(None, "destination")) as destination,
    ):
        for described, text in ((blob, content), (empty, b"{}")):
            destination.put_blob(BlobStream(lambda at: io.BytesIO(text[at:]), described))
        raw = RawManifest(json.dumps(manifest).encode(), str(manifest["mediaType"]))
        destination.put_manifest(raw, top=True)
        destination.commit()
"""

from __future__ import annotations

if __name__ != "regcopy.transports":
    raise ImportError("import regcopy.transports, not transports: see ARCHITECTURE.md")

import importlib
from typing import TYPE_CHECKING, Final, cast

from regcopy.errors import InvalidReference, TransportUnavailable
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.transports.base import ImageReference, Transport

ENTRY_POINT_GROUP: Final = "regcopy.transports"

# name → module and attribute; imported when first named, so that start-up stays short.
_BUILT_IN: Final = {
    "atomic": "regcopy.transports.docker.atomic:TRANSPORT",
    "docker": "regcopy.transports.docker:TRANSPORT",
    "oci": "regcopy.transports.oci:TRANSPORT",
    "dir": "regcopy.transports.dir:TRANSPORT",
    "docker-archive": "regcopy.transports.docker_archive:TRANSPORT",
    "docker-tar": "regcopy.transports.docker_archive:DOCKER_TAR",
    "docker-daemon": "regcopy.transports.docker_daemon:TRANSPORT",
    "containers-storage": "regcopy.transports.containers_storage:TRANSPORT",
    "oci-archive": "regcopy.transports.oci_archive:TRANSPORT",
    "ostree": "regcopy.transports.ostree:TRANSPORT",
    "tarball": "regcopy.transports.tarball:TRANSPORT",
    "sif": "regcopy.transports.sif:TRANSPORT",
}


def names() -> tuple[str, ...]:
    """Names of the transports that come with regcopy."""
    return tuple(sorted(_BUILT_IN))


def find_transport(name: str) -> Transport | None:
    """Give the transport of that name, a built-in one or one of an installed entry point."""
    target = _BUILT_IN.get(name) or _entry_point(name)
    if target is None:
        return None
    module, _, attribute = target.partition(":")
    try:
        return cast("Transport", getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise TransportUnavailable(f"transport {name} cannot be loaded: {error}") from error


def _entry_point(name: str) -> str | None:
    # importlib.metadata costs 40 ms: it is only asked for names that are not our own.
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return point.value
    return None


def _docker_hint(text: str) -> str:
    """What was probably meant by a name that begins with a host."""
    shown = printable(text, limit=300)
    return f"write docker://{shown} for an image in a registry; " if "/" in text else ""


def parse_reference(text: str) -> ImageReference:
    """Parse `transport:reference`, such as `docker://host/app:1` or `oci:folder:1`.

    Raises:
        InvalidReference: no such transport, or not its grammar. No I/O has been done.
    """
    name, colon, rest = text.partition(":")
    shown = printable(text, limit=300)
    if not colon:
        raise InvalidReference(
            f'Invalid image name "{shown}", expected colon-separated transport:reference',
            hint=f"write docker://{shown} for an image in a registry",
        )
    transport = find_transport(name)
    if transport is None:
        raise InvalidReference(
            f'Invalid image name "{shown}", unknown transport "{printable(name, limit=100)}"',
            hint=f"{_docker_hint(text)}known transports: {', '.join(names())}",
        )
    return transport.parse(rest)
