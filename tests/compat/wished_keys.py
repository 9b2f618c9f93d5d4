"""Wished-for differences of signing: `image` is signed as NAME by KEY."""

from __future__ import annotations

from typing import Final

from tests.compat.difference import Difference

_COPY: Final = "--insecure-policy copy --sign-identity=registry.example.com/team/app:2"

KEYS: Final = (
    Difference(
        "newer",
        f"{_COPY} --sign-by=KEY --remove-signatures dir:image dir:{{0}}",
        "",
        "newer versions say which kind of signature is made",
        "keys",
    ),
    Difference(
        "better",
        f"{_COPY} --sign-by=NOBODY dir:image dir:{{0}}",
        "a key that cannot sign leaves no image behind",
        "an image without its signature is not what was asked for",
        "keys",
    ),
    Difference(
        "newer",
        f"{_COPY} --sign-by-sigstore=gone dir:image dir:{{0}}",
        "",
        "newer versions have the flag",
        "keys",
    ),
    Difference(
        "unsupported",
        f"{_COPY} --sign-by-sq-fingerprint=KEY dir:image dir:{{0}}",
        "",
        "it needs Sequoia-PGP",
        "keys",
    ),
    Difference(
        "better",
        "standalone-verify image/manifest.json NAME KEY image/manifest.json",
        "messages of verification say what gpg found",
        "who looks into it must know",
        "keys",
    ),
)
