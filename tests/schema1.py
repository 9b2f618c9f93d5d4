"""Images of Docker's schema 1, made by hand: signed as a registry wants them, but by nobody."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Final

from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED
from regcopy.testing.samples import SampleImage

# The empty tar file that stands for a step without a layer; all images have these very bytes.
EMPTY_LAYER: Final = bytes.fromhex(
    "1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000"
)
_KEY: Final = {
    "crv": "P-256",
    "kid": "QPM6:O7SR:K53R:TNHY:L4QV:U67Q:6WKR:TAWV:N4UZ:5TMC:AME5:4DXR",
    "kty": "EC",
    "x": "KUxRS5_clUjz9qqMgLhW6kb5Gnz_K6DcLyXnTMGj4FA",
    "y": "YuUKNW1ssfNFtWdca7wwwfp1Vv2bU9kcbgrNXdwYOTs",
}
_CONFIG: Final = {"Env": ["A=1"], "Cmd": ["/bin/sh", "-c", "a && b"], "Labels": {"x": "y"}}


def step_id(number: int) -> str:
    """ID of a step, the first being 1."""
    return f"{number:064x}"


def history(
    count: int, *, empty: Sequence[int] = (), last: Mapping[str, object] | None = None
) -> list[dict[str, object]]:
    """Make the texts of so many steps, the first first.

    Args:
        count: how many.
        empty: positions of steps that have no layer.
        last: more members of the last one, which has the config.
    """
    steps: list[dict[str, object]] = []
    for number in range(count):
        step: dict[str, object] = {"id": step_id(number + 1)}
        if number:
            step["parent"] = step_id(number)
        step["created"] = f"2015-01-02T03:04:{number % 60:02}.{number + 1:09}Z"
        step["container_config"] = {"Cmd": ["/bin/sh", "-c", f"#(nop) ADD <{number}>"]}
        if number in empty:
            step["throwaway"] = True
        steps.append(step)
    whole = {"architecture": "amd64", "os": "linux", "docker_version": "1.9.1", "config": _CONFIG}
    steps[-1].update({**whole, **(last or {})})
    return steps


def document(
    layers: Sequence[Digest], steps: Sequence[Mapping[str, object]], **members: object
) -> dict[str, object]:
    """Make the unsigned manifest; layers and steps the lowest first."""
    return {
        "schemaVersion": 1,
        "name": "library/app",
        "tag": "1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": str(layer)} for layer in reversed(layers)],
        "history": [{"v1Compatibility": json.dumps(step)} for step in reversed(steps)],
        **members,
    }


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signature(length: int, tail: bytes = b"\n}", **more: object) -> dict[str, object]:
    """Make a signature that says what it is about; what it signs with means nothing."""
    protected = {"formatLength": length, "formatTail": base64url(tail), **more}
    return {
        "header": {"jwk": _KEY, "alg": "ES256"},
        "signature": base64url(b"nobody"),
        "protected": base64url(json.dumps(protected).encode()),
    }


def signed(unsigned: Mapping[str, object], *, signatures: int = 1) -> bytes:
    """Write a manifest as Docker did: indented, with the signatures last."""
    payload = json.dumps(unsigned, indent=3).encode()
    length = len(payload) - 2
    added = json.dumps([signature(length, time=str(n)) for n in range(signatures)]).encode()
    return payload[:length] + b',\n   "signatures": ' + added + payload[length:]


def raw_schema1(unsigned: Mapping[str, object], *, is_signed: bool = True) -> RawManifest:
    if is_signed:
        return RawManifest(signed(unsigned), DOCKER_SCHEMA1_SIGNED)
    return RawManifest(json.dumps(unsigned).encode(), DOCKER_SCHEMA1)


def schema1_image(
    stored: Sequence[bytes],
    *,
    empty: Sequence[int] = (),
    is_signed: bool = True,
    last: Mapping[str, object] | None = None,
) -> SampleImage:
    """Make an image.

    Args:
        stored: its layers, the lowest first.
        empty: positions in its history of steps without a layer.
        is_signed: it has a signature.
        last: more members of the config.
    """
    waiting = list(stored)
    count = len(stored) + len(empty)
    blobs = [EMPTY_LAYER if n in empty else waiting.pop(0) for n in range(count)]
    steps = history(count, empty=empty, last=last)
    made = document([Digest.of(blob) for blob in blobs], steps)
    raw = raw_schema1(made, is_signed=is_signed)
    return SampleImage(raw, (), {Digest.of(blob): blob for blob in blobs})


def gzipped(*tars: bytes) -> list[bytes]:
    return [gzip.compress(tar, 6, mtime=0) for tar in tars]
