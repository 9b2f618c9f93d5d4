"""`standalone-sign`, `standalone-verify`, `generate-sigstore-key`, and signing a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_dir
from tests.command_line import Ended, run_cli
from tests.schema1 import gzipped, schema1_image
from tests.signing import GpgHome

NAME = "registry.example.com/team/app:1"


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with GpgHome() as made:
        for name in ("good", "other"):
            made.make_key(name)
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an image and a passphrase."""
    write_dir(single_image(), tmp_path / "image")
    (tmp_path / "passphrase").write_text("first line\nsecond line\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(home: GpgHome, *arguments: str) -> Ended:
    return run_cli(*arguments, variables=home.variables)


def sign(home: GpgHome) -> None:
    key = home.fingerprint("good")
    ended = run(home, "standalone-sign", "image/manifest.json", NAME, key, "-o", "signature")
    assert (ended.code, ended.err) == (0, "")


def test_what_is_signed_verifies(folder: Path, home: GpgHome) -> None:
    sign(home)
    (folder / "keys").write_bytes(home.export("good", "other"))
    key, file = home.fingerprint("good"), ("--public-key-file", "keys")
    for more, keys in (((), key), (file, "any"), (file, f"other,{key}")):
        line = ("standalone-verify", *more, "image/manifest.json", NAME, keys, "signature")
        ended = run(home, *line)
        assert ended.out.startswith(f"Signature verified using fingerprint {key}, digest sha256:")


@pytest.mark.parametrize(
    ("manifest", "name", "key", "message"),
    [
        ("passphrase", NAME, "good", "Signature for docker digest"),
        ("image/manifest.json", "registry.example.com/team/app:2", "good", "does not match"),
        ("image/manifest.json", "registry.example.com/team/app", "good", "does not match"),
        ("image/manifest.json", NAME, "other", "does not match expected fingerprints"),
        ("image/manifest.json", "UPPER", "good", "repository name must be lowercase"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_does_not_fit_does_not_verify(
    home: GpgHome, manifest: str, name: str, key: str, message: str
) -> None:
    sign(home)
    line = ("standalone-verify", manifest, name, home.fingerprint(key), "signature")
    ended = run(home, *line)
    assert (ended.code, ended.out) == (1, "")
    assert ended.fatal.startswith("Error verifying signature: ")
    assert message in ended.fatal


@pytest.mark.usefixtures("folder")
def test_the_signature_of_schema_1_is_about_its_payload(home: GpgHome) -> None:
    image = schema1_image(gzipped(b"layer"))
    Path("old").write_bytes(image.top.content)
    Path("payload").write_bytes(image.top.payload)
    key = home.fingerprint("good")
    run(home, "standalone-sign", "old", NAME, key, "-o", "out")
    for file in ("old", "payload"):
        ended = run(home, "standalone-verify", file, NAME, key, "out")
        assert ended.out == f"Signature verified using fingerprint {key}, digest {image.digest}\n"


@pytest.mark.usefixtures("folder")
def test_a_key_pair_is_made_and_never_overwritten(home: GpgHome) -> None:
    pytest.importorskip("nacl")
    line = ("generate-sigstore-key", "--output-prefix", "key", "--passphrase-file", "passphrase")
    ended = run(home, *line)
    assert ended.out == 'Key written to "key.private" and "key.pub"\n'
    assert Path("key.private").stat().st_mode & 0o777 == 0o600
    assert Path("key.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    before = Path("key.private").read_bytes()
    assert run(home, *line).fatal == 'refusing to overwrite existing "key.pub"'
    Path("key.pub").unlink()
    assert run(home, *line).fatal == 'refusing to overwrite existing "key.private"'
    assert Path("key.private").read_bytes() == before


@pytest.mark.usefixtures("folder")
def test_a_link_is_not_written_through(home: GpgHome) -> None:
    pytest.importorskip("nacl")
    Path("key.private").symlink_to("elsewhere")
    line = ("generate-sigstore-key", "--output-prefix", "key", "--passphrase-file", "passphrase")
    assert "refusing to overwrite" in run(home, *line).fatal
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--sign-by=x --sign-identity=app",
            "Could not parse --sign-identity: repository name must be canonical",
        ),
        ("--sign-by=x --sign-identity=A/B:1", "Could not parse --sign-identity: "),
        (
            "--sign-by=x --sign-identity=example.com/app",
            "Sign identity must be a fully specified reference example.com/app",
        ),
        (
            "--sign-by=x --sign-by-sigstore-private-key=y --sign-passphrase-file=passphrase",
            "can be used with sign-passphrase-file",
        ),
        ("--sign-passphrase-file=gone", "open gone: no such file or directory"),
        ("--sign-by-sigstore-private-key=y", "Cannot prompt for a passphrase for key y"),
        ("--sign-by=x", "Cannot determine canonical Docker reference for destination dir:copy"),
        ("--sign-by-sigstore=y", 'reading "y": open y: no such file or directory'),
        ("--sign-by-sq-fingerprint=y", "--sign-by-sq-fingerprint is not supported yet"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_flags_that_make_no_sense(home: GpgHome, line: str, message: str) -> None:
    ended = run(home, "--insecure-policy", "copy", *line.split(), "dir:image", "dir:copy")
    assert ended.code == 1
    assert message in ended.fatal
    assert not Path("copy").exists()


@pytest.mark.usefixtures("folder")
def test_a_copy_is_signed_under_the_name_that_is_given(home: GpgHome) -> None:
    key = home.fingerprint("good")
    flags = ("--sign-by", key, "--sign-identity", NAME)
    ended = run(home, "--insecure-policy", "copy", *flags, "dir:image", "dir:copy")
    assert ended.code == 0
    line = ("standalone-verify", "copy/manifest.json", NAME, key, "copy/signature-1")
    assert run(home, *line).code == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "privateKeyFile: gone",
            "Cannot prompt for a passphrase for key gone, standard input is not a TTY",
        ),
        (
            "{privateKeyFile: gone, privateKeyPassphraseFile: passphrase}",
            "open gone: no such file or directory",
        ),
        ("fulcio: {}", "parameters: fulcio: signing with a certificate of Fulcio is not supported"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_parameters_that_cannot_be_used(home: GpgHome, parameters: str, message: str) -> None:
    Path("parameters").write_text(parameters)
    flags = ("--insecure-policy", "copy", "--sign-by-sigstore=parameters")
    ended = run(home, *flags, "dir:image", "dir:copy")
    assert (ended.code, ended.fatal) == (1, message)
    assert not Path("copy").exists()


@pytest.mark.usefixtures("folder")
def test_what_is_not_supported_says_what_to_do_instead(home: GpgHome) -> None:
    ended = run(home, "copy", "--sign-by-sq-fingerprint=x", "dir:image", "dir:copy")
    assert "--sign-by signs by gpg" in ended.hint


@pytest.mark.usefixtures("folder")
def test_the_passphrase_is_the_first_line_of_its_file(home: GpgHome) -> None:
    home.run(
        *("--pinentry-mode", "loopback", "--passphrase", "first line"),
        *("--quick-gen-key", "locked@example.com", "rsa2048", "sign", "0"),
    )
    key = home.fingerprint("locked")
    line = ("standalone-sign", "--passphrase-file", "passphrase", "image/manifest.json", NAME, key)
    assert run(home, *line, "-o", "signature").code == 0
