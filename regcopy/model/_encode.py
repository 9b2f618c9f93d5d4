"""Parts of manifests and configs as other tools write them: which members, in which order.

OCI's are those of the types of image-spec v1.1 for Go, Docker's those of its schema 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from regcopy.model._json import JsonObject
from regcopy.model.descriptor import Descriptor

# Where Docker's types must have a time and there is none.
NO_TIME: Final = "0001-01-01T00:00:00Z"

# RFC 3339, section 5.6, without the liberties it allows (lower-case t and z, a space).
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
    r"(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def present(members: Mapping[str, object]) -> dict[str, object]:
    """Members that are not empty: Go's `omitempty`."""
    return {key: value for key, value in members.items() if value}


def by_name(texts: Mapping[str, str]) -> dict[str, object]:
    """Texts in the order of their names, as Go writes a map."""
    return dict(sorted(texts.items()))


def platform_members(source: JsonObject) -> dict[str, object]:
    """Members that describe a platform, in a config or in the entry of an index."""
    return {
        "architecture": source.string("architecture"),
        "os": source.string("os"),
        **present(
            {
                "os.version": source.string("os.version"),
                "os.features": list(source.strings("os.features")),
                "variant": source.string("variant"),
            }
        ),
    }


def docker_descriptor(descriptor: Descriptor) -> dict[str, object]:
    """Members of a descriptor in a Docker manifest; annotations have no place in it."""
    return {
        "mediaType": descriptor.media_type,
        "size": descriptor.size,
        "digest": str(descriptor.digest),
        **present({"urls": list(descriptor.urls)}),
    }


def oci_descriptor(source: JsonObject, now: Descriptor | None = None) -> dict[str, object]:
    """Members of a descriptor in an OCI manifest, also those that regcopy does not use.

    Args:
        source: the descriptor as it came.
        now: media type, digest and size of what it describes now, None where that stays.
    """
    before = Descriptor.from_json(source)
    now = now or before
    platform = source.child("platform")
    # `data` repeats the content itself (image-spec descriptor.md).
    is_same = now.digest == before.digest
    return {
        "mediaType": now.media_type,
        "digest": str(now.digest),
        "size": now.size,
        **present(
            {
                "urls": list(before.urls),
                "annotations": by_name(before.annotations),
                "data": source.string("data") if is_same else "",
                "platform": platform_members(platform) if platform else None,
                "artifactType": before.artifact_type,
            }
        ),
    }


def set_of_names(source: JsonObject, key: str) -> dict[str, object]:
    """Object used as a set of names: whatever stands behind a name is nothing."""
    names = source.child(key)
    if names is None:
        return {}
    for name in names.members:
        names.child(name)
    return {name: {} for name in sorted(names.members)}


def time_text(source: JsonObject, key: str) -> str:
    """Time as Go writes it: at most nine digits of a second, none of them a trailing zero."""
    if source.members.get(key) is None:
        return ""
    found = _TIME.fullmatch(source.string(key))
    if found is None or not _is_moment(found[1]):
        source.fail(key, "is no time in the form of RFC 3339")
    moment, digits, zone = found.groups()
    fraction = (digits or "")[:9].rstrip("0")
    is_utc = zone[1:] == "00:00"
    return f"{moment}{'.' if fraction else ''}{fraction}{'Z' if is_utc else zone}"


def _is_moment(text: str) -> bool:
    from datetime import datetime  # few copies rewrite a config

    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
