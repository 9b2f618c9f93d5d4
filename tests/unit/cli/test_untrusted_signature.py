"""`untrusted-signature-dump-without-verification`: what signatures say, true or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.model.digest import Digest
from tests.command_line import Ended, run_cli
from tests.signing import GpgHome, Json, encode, payload

DIGEST = Digest.of(b"manifest")


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    """A keyring with one key."""
    with GpgHome() as made:
        made.make_key("good")
        yield made


def dump(home: GpgHome, folder: Path, content: bytes) -> Ended:
    (folder / "signature").write_bytes(content)
    line = ("untrusted-signature-dump-without-verification", str(folder / "signature"))
    return run_cli(*line, variables=home.variables)


def with_optional(optional: Json) -> bytes:
    return encode({**payload(DIGEST, "app:1"), "optional": optional})


def test_what_is_not_said_is_null(home: GpgHome, tmp_path: Path) -> None:
    found = json.loads(dump(home, tmp_path, home.sign(with_optional({}), "good")).out)
    assert found == {
        "UntrustedDockerManifestDigest": str(DIGEST),
        "UntrustedDockerReference": "app:1",
        "UntrustedCreatorID": None,
        "UntrustedTimestamp": None,
        "UntrustedShortKeyIdentifier": home.fingerprint("good")[-16:],
    }


def test_a_name_cannot_move_the_cursor(home: GpgHome, tmp_path: Path) -> None:
    signed = home.sign(encode(payload(DIGEST, "app\x1b[2J\x9b2J")), "good")
    ended = dump(home, tmp_path, signed)
    assert json.loads(ended.out)["UntrustedDockerReference"] == "app\x1b[2J\x9b2J"
    assert ended.out.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}", "it is no OpenPGP message with one signature"),
        (b"", "it is no OpenPGP message with one signature"),
        (b"SIGNED no JSON", "the signed payload is not valid JSON"),
        (b"SIGNED {}", "must have exactly the members critical, optional"),
    ],
)
def test_what_is_no_signature_is_told(
    home: GpgHome, tmp_path: Path, content: bytes, told: str
) -> None:
    text = content.removeprefix(b"SIGNED ")
    ended = dump(home, tmp_path, content if text == content else home.sign(text, "good"))
    assert (ended.code, ended.out) == (1, "")
    assert ended.fatal.startswith("Error decoding untrusted signature: ")
    assert told in ended.fatal


def test_a_time_that_is_none_is_told(home: GpgHome, tmp_path: Path) -> None:
    ended = dump(home, tmp_path, home.sign(with_optional({"timestamp": 2**62}), "good"))
    assert ended.fatal == f"Error decoding untrusted signature: no time is {2**62}"


def test_no_help_lists_it() -> None:
    assert "untrusted" not in run_cli("--help").out
    assert "untrusted" not in run_cli("completion", "bash").out
