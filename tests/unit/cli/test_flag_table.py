"""The flags of skopeo 1.22, command by command: all of them are known here, and of its kind."""

from __future__ import annotations

import re
from typing import Final

import pytest

from regcopy.cli.command import find_command
from regcopy.cli.flags import Flag
from regcopy.cli.groups import GLOBAL, VERSION

_SIDE: Final = """
{0}authfile string, {0}cert-dir string, {0}creds string, {0}daemon-host string, {0}no-creds,
{0}password string, {0}registry-token string, {0}shared-blob-dir string, {0}tls-verify,
{0}username string
"""
_RETRY: Final = ", retry-delay duration, retry-times int"

# `name kind`; a boolean has no kind; `name/x` has a short form.
SKOPEO: Final = {
    "copy": _SIDE.format("src-")
    + ","
    + _SIDE.format("dest-")
    + _RETRY
    + """, additional-tag strings, all/a, authfile string, decryption-key strings, dest-compress,
    dest-compress-format string, dest-compress-level string, dest-decompress,
    dest-force-compress-format, dest-oci-accept-uncompressed-layers, dest-precompute-digests,
    digestfile string, encrypt-layer ints, encryption-key strings, format/f string,
    image-parallel-copies uint, multi-arch string, preserve-digests, quiet/q, remove-signatures,
    sign-by string, sign-by-sigstore string, sign-by-sigstore-private-key string,
    sign-by-sq-fingerprint string, sign-identity string, sign-passphrase-file string""",
    "delete": _SIDE.format("") + _RETRY,
    "inspect": _SIDE.format("")
    + _RETRY
    + ", config, format/f string, manifest-digest string, no-tags/n, raw",
    "list-tags": """authfile string, cert-dir string, creds string, no-creds, password string,
    registry-token string, tls-verify, username string"""
    + _RETRY,
    "sync": """all/a, append-suffix string, authfile string, dest/d string, dest-authfile string,
    dest-cert-dir string, dest-creds string, dest-no-creds, dest-password string,
    dest-registry-token string, dest-tls-verify, dest-username string, digestfile string, dry-run,
    format/f string, keep-going, preserve-digests, remove-signatures, scoped, sign-by string,
    sign-by-sigstore string, sign-by-sigstore-private-key string, sign-by-sq-fingerprint string,
    sign-passphrase-file string, src/s string, src-authfile string, src-cert-dir string,
    src-creds string, src-no-creds, src-password string, src-registry-token string,
    src-tls-verify, src-username string"""
    + _RETRY,
    "login": """authfile string, cert-dir string, compat-auth-file string, get-login,
    password/p string, password-stdin, tls-verify, username/u string, verbose/v""",
    "logout": "all/a, authfile string, compat-auth-file string, tls-verify",
    "layers": _SIDE.format("") + _RETRY,
    "manifest-digest": "",
    "standalone-sign": "output/o string, passphrase-file string",
    "standalone-verify": "public-key-file string",
    "generate-sigstore-key": "output-prefix string, passphrase-file string",
    "experimental-image-proxy": _SIDE.format("") + ", sockfd int",
}
GLOBALS: Final = """
command-timeout duration, debug, insecure-policy, override-arch string, override-os string,
override-variant string, policy string, registries.d string, require-signed, tls-details string,
tmpdir string, user-agent-prefix string, version/v
"""


def table(text: str) -> list[tuple[str, str, str]]:
    """Take a table apart: name, short form, kind."""
    rows = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        found = re.fullmatch(r"([a-z.-]+)(?:/(\w))?(?: (\w+))?", entry)
        assert found, entry
        rows.append((found[1], found[2] or "", found[3] or "bool"))
    return rows


SKOPEO_FLAGS: Final = [(command, *row) for command, text in SKOPEO.items() for row in table(text)]


def flags_of(name: str) -> dict[str, Flag]:
    command = find_command(name)
    assert command is not None
    return {flag.name: flag for flag in command.flags}


@pytest.mark.parametrize(("command", "name", "short", "kind"), SKOPEO_FLAGS)
def test_every_flag_of_skopeo_is_known(command: str, name: str, short: str, kind: str) -> None:
    flag = flags_of(command)[name]
    assert (flag.short, flag.kind) == (short, kind)


@pytest.mark.parametrize(("name", "short", "kind"), table(GLOBALS))
def test_every_global_flag_of_skopeo_is_known(name: str, short: str, kind: str) -> None:
    flags = {flag.name: flag for flag in (*GLOBAL.flags, VERSION)}
    assert (flags[name].short, flags[name].kind) == (short, kind)


@pytest.mark.parametrize("command", SKOPEO)
def test_no_flag_or_letter_is_there_twice(command: str) -> None:
    found = find_command(command)
    assert found is not None
    flags = (*found.flags, *GLOBAL.flags)
    names = [flag.name for flag in flags]
    letters = [flag.short for flag in flags if flag.short]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("command", SKOPEO)
def test_every_flag_that_help_lists_says_what_it_does(command: str) -> None:
    silent = [f.name for f in flags_of(command).values() if not (f.help or f.hidden or f.later)]
    assert silent == []
