"""gpg is believed where it says one clear yes, and nowhere else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import LimitExceeded, SignatureInvalid, TransportUnavailable
from regcopy.trust.gpg import Gpg, TrustedKeys
from regcopy.trust.programs import Limits
from tests.signature_vectors import Keys

LIMITS = Limits()
GOOD = "A" * 40
YES = (
    "NEWSIG",
    "GOODSIG AAAAAAAAAAAAAAAA Somebody",
    f"VALIDSIG {GOOD} 2024-01-01 1 0 4 0 1 10 00 {GOOD}",
    "PLAINTEXT 62 0 ",
)


class PlayedGpg:
    """A program named gpg that says what a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def says(self, *status: str, output: str = "text", code: int = 0) -> Environment:
        lines = "".join(f"[GNUPG:] {line}\n" for line in status)
        program = self.folder / "gpg"
        program.write_text(
            f"#!{sys.executable} -I\n"
            "import os, sys\n"
            "sys.stdin.buffer.read()\n"
            f"os.write(int(sys.argv[sys.argv.index('--status-fd') + 1]), {lines.encode()!r})\n"
            f"sys.stdout.write({output!r})\n"
            f"sys.exit({code})\n"
        )
        program.chmod(0o755)
        return Environment({"PATH": f"{self.folder}:{os.environ['PATH']}"})


@pytest.fixture
def played(tmp_path: Path) -> PlayedGpg:
    return PlayedGpg(tmp_path)


def test_one_clear_yes(played: PlayedGpg) -> None:
    signed = Gpg(played.says(*YES)).verify(b"x", limits=LIMITS)
    assert (signed.content, signed.fingerprint, signed.primary) == (b"text", GOOD, GOOD)


@pytest.mark.parametrize(
    "word",
    [
        "BADSIG A x",
        "ERRSIG A 1 8 00 1 9",
        "EXPSIG A x",
        "EXPKEYSIG A x",
        "REVKEYSIG A x",
        "NO_PUBKEY A",
        "NODATA 4",
        "UNEXPECTED 0",
        "FAILURE gpg-exit 33554433",
        "TRUST_NEVER",
        "BEGIN_DECRYPTION",
        "ENC_TO A 1 0",
        "DECRYPTION_OKAY",
    ],
)
@pytest.mark.parametrize("position", [0, 4])
def test_a_yes_beside_anything_bad_is_a_no(played: PlayedGpg, word: str, position: int) -> None:
    lines = [*YES[:position], word, *YES[position:]]
    with pytest.raises(SignatureInvalid, match="Invalid GPG signature"):
        Gpg(played.says(*lines)).verify(b"x", limits=LIMITS)


@pytest.mark.parametrize("missing", range(len(YES)))
def test_a_part_of_a_yes_is_a_no(played: PlayedGpg, missing: int) -> None:
    lines = [line for number, line in enumerate(YES) if number != missing]
    with pytest.raises(SignatureInvalid, match="0 × "):
        Gpg(played.says(*lines)).verify(b"x", limits=LIMITS)


@pytest.mark.parametrize("twice", range(len(YES)))
def test_more_than_one_yes_is_a_no(played: PlayedGpg, twice: int) -> None:
    with pytest.raises(SignatureInvalid, match="2 × "):
        Gpg(played.says(*YES, YES[twice])).verify(b"x", limits=LIMITS)


def test_a_yes_with_a_bad_exit_code_is_a_no(played: PlayedGpg) -> None:
    with pytest.raises(SignatureInvalid, match="ended with 2"):
        Gpg(played.says(*YES, code=2)).verify(b"x", limits=LIMITS)


@pytest.mark.parametrize("valid", ["VALIDSIG", f"VALIDSIG {GOOD}", "VALIDSIG a b c d e f g h i j"])
def test_a_yes_without_a_key_is_a_no(played: PlayedGpg, valid: str) -> None:
    with pytest.raises(SignatureInvalid, match="by which key"):
        Gpg(played.says(*YES[:2], valid, YES[3])).verify(b"x", limits=LIMITS)


def test_silence_is_a_no(played: PlayedGpg) -> None:
    with pytest.raises(SignatureInvalid):
        Gpg(played.says()).verify(b"x", limits=LIMITS)


def test_a_yes_by_a_key_that_was_not_imported_is_a_no(played: PlayedGpg) -> None:
    environment = played.says(*YES)
    with (
        TrustedKeys(environment, [b"keys"], limits=LIMITS) as keys,
        pytest.raises(SignatureInvalid, match=f"Signature by key {GOOD} is not accepted"),
    ):
        keys.verify(b"x")


def test_a_text_that_does_not_end_is_refused(gpg_keys: Keys) -> None:
    bomb = gpg_keys.home.sign(b"\0" * 20_000_000, "good")
    assert len(bomb) < 100_000
    keys = gpg_keys.home.export("good")
    with (
        TrustedKeys(gpg_keys.home.environment, [keys], limits=LIMITS) as trusted,
        pytest.raises((LimitExceeded, SignatureInvalid)),
    ):
        trusted.verify(bomb)


def test_a_keyring_leaves_nothing_behind(gpg_keys: Keys, tmp_path: Path) -> None:
    environment = Environment({**gpg_keys.home.variables, "TMPDIR": str(tmp_path)})
    with TrustedKeys(environment, [gpg_keys.home.export("good")], limits=LIMITS) as keys:
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert keys.fingerprints == {gpg_keys.home.fingerprint("good")}
    assert list(tmp_path.iterdir()) == []


def test_trusted_keys_know_nothing_of_the_users_keyring(gpg_keys: Keys) -> None:
    message = gpg_keys.sign(gpg_keys.claim(), "evil")
    environment = gpg_keys.home.environment
    assert Gpg(environment).verify(message, limits=LIMITS).content
    with (
        TrustedKeys(environment, [gpg_keys.home.export("good")], limits=LIMITS) as keys,
        pytest.raises(SignatureInvalid, match="not trusted"),
    ):
        keys.verify(message)


def test_keys_may_be_in_armour(gpg_keys: Keys) -> None:
    armoured = gpg_keys.home.run("--armor", "--export", "good@example.com")
    with TrustedKeys(gpg_keys.home.environment, [armoured], limits=LIMITS) as keys:
        assert keys.verify(gpg_keys.sign(gpg_keys.claim())).content


def test_a_missing_gpg_names_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TransportUnavailable) as caught:
        Gpg(Environment({"PATH": str(tmp_path)}))
    assert "gnupg" in caught.value.hint


def test_a_key_under_a_passphrase_signs(gpg_keys: Keys) -> None:
    gpg_keys.home.run(
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "pass",
        "--quick-gen-key",
        "locked@x",
        "rsa2048",
        "sign",
        "0",
    )
    gpg = Gpg(gpg_keys.home.environment)
    with pytest.raises(SignatureInvalid, match="gpg did not sign"):
        gpg.sign(b"text", "locked@x", passphrase="wrong", limits=LIMITS)
    made = gpg.sign(b"text", "locked@x", passphrase="pass", limits=LIMITS)
    assert gpg.verify(made, limits=LIMITS).content == b"text"


def test_a_key_that_is_not_there_does_not_sign(gpg_keys: Keys) -> None:
    with pytest.raises(SignatureInvalid, match="No secret key"):
        Gpg(gpg_keys.home.environment).sign(b"text", "nobody", limits=LIMITS)
