"""An image made of root file systems: its config and manifest (image-spec config.md).

The members, their order and the words in the history are those of containers/image, so that
the same files with the same times make an image with the same digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from regcopy.errors import ContentError
from regcopy.model._json import dump_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_CONFIG, OCI_MANIFEST
from regcopy.model.platform import Platform

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — written with its own "Z"


@dataclass(frozen=True, slots=True)
class RootfsLayer:
    """A tar file that becomes a layer.

    Attributes:
        blob: the file as it is, compressed or not.
        diff_id: digest of what it unpacks to.
        time_ns: when it was changed, in nanoseconds since 1970.
    """

    blob: Descriptor
    diff_id: Digest
    time_ns: int


@dataclass(frozen=True, slots=True)
class RootfsImage:
    """What is written about the layers."""

    manifest: RawManifest
    config: bytes

    @classmethod
    def of(cls, layers: Sequence[RootfsLayer], platform: Platform, *, comment: str) -> RootfsImage:
        """Describe an image of these layers, the lowest first.

        Args:
            layers: at least one; the newest time is that of the image.
            platform: what runs it; a variant is not written.
            comment: where the layers come from, for the history.

        Raises:
            ContentError: a time is outside the years 1 to 9999.
        """
        config = dump_object(
            {
                "created": _time(max(layer.time_ns for layer in layers)),
                "architecture": platform.architecture,
                "os": platform.os,
                "config": {},
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [str(layer.diff_id) for layer in layers],
                },
                "history": [_history(layer, comment) for layer in layers],
            }
        )
        described = Descriptor(OCI_CONFIG, Digest.of(config), len(config))
        manifest = dump_object(
            {
                "schemaVersion": 2,
                "config": described.to_json(),
                "layers": [layer.blob.to_json() for layer in layers],
            }
        )
        return cls(RawManifest(manifest, OCI_MANIFEST), config)


def _history(layer: RootfsLayer, comment: str) -> dict[str, object]:
    return {
        "created": _time(layer.time_ns),
        "created_by": f"/bin/sh -c #(nop) ADD file:{layer.diff_id.hex} in /",
        "comment": comment,
    }


def _time(time_ns: int) -> str:
    """RFC 3339 in UTC, with as many digits of the second as there are."""
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    try:
        whole = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise ContentError("the time of a layer is outside the years 1 to 9999") from None
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{whole.isoformat()}{digits}Z"
