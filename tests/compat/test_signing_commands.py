"""Commands about signatures: exit code and message as skopeo's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image, write_dir
from tests.command_line import run_cli
from tests.signing import GpgHome
from tests.trust_programs import skopeo_with

NAME = "registry.example.com/team/app:1"


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with GpgHome() as made:
        made.make_key("good")
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: GpgHome) -> Path:
    """The current folder: an image in `image`, signed as NAME, and the key in `fingerprint`."""
    write_dir(single_image(), tmp_path / "image")
    monkeypatch.chdir(tmp_path)
    key = home.fingerprint("good")
    line = ("standalone-sign", "image/manifest.json", NAME, key, "-o", "image/signature-1")
    assert skopeo_with(home.variables, *line).code == 0
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "standalone-sign",
        "standalone-sign a",
        "standalone-sign a b c",
        "standalone-sign a b c d -o e",
        "standalone-sign -o a",
        "standalone-sign --output",
        "standalone-sign --nope",
        "standalone-sign gone b c -o d",
        "standalone-sign image b c -o d --passphrase-file gone",
        "standalone-sign image/manifest.json b c -o d --passphrase-file gone",
        "standalone-sign image/manifest.json a:1 KEY -o gone/d",
        "standalone-verify",
        "standalone-verify a b c",
        "standalone-verify a b c d e",
        "standalone-verify --nope a b c d",
        "standalone-verify gone b c d",
        "standalone-verify image/manifest.json b c gone",
        "untrusted-signature-dump-without-verification",
        "untrusted-signature-dump-without-verification a b",
        "untrusted-signature-dump-without-verification gone",
        "untrusted-signature-dump-without-verification image",
        "untrusted-signature-dump-without-verification --nope a",
        "--policy gone.json copy dir:image dir:copy",
        "--insecure-policy copy --sign-passphrase-file gone dir:image dir:copy",
        "--insecure-policy copy --sign-by-sigstore-private-key=gone dir:image dir:copy",
        "--insecure-policy copy --sign-by=x --sign-identity=app dir:image dir:copy",
        "--insecure-policy copy --sign-by=x --sign-identity=e.com/app dir:image dir:copy",
        "--insecure-policy copy dir:image oci:layout:t",
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_same_message(line: str, home: GpgHome) -> None:
    arguments = line.replace("KEY", home.fingerprint("good")).split()
    theirs = skopeo_with(home.variables, *arguments)
    ours = run_cli(*arguments, program="skopeo", variables=home.variables)
    assert (ours.code, ours.fatal) == (theirs.code, theirs.fatal)


@pytest.mark.parametrize(
    "line",
    [
        "standalone-verify image/manifest.json NAME KEY image/signature-1",
        "standalone-verify image/manifest.json NAME OTHER image/signature-1",
        "standalone-verify image/manifest.json NAME any image/signature-1",
        "standalone-verify image/manifest.json e.com/app:1 KEY image/signature-1",
        "standalone-verify image/version NAME KEY image/signature-1",
        "standalone-verify image/manifest.json NAME KEY image/manifest.json",
        "untrusted-signature-dump-without-verification image/manifest.json",
        "standalone-sign image/manifest.json NAME KEY -o made",
        "standalone-sign image/manifest.json NAME OTHER -o made",
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_same_exit_code(line: str, home: GpgHome) -> None:
    words = {"KEY": home.fingerprint("good"), "NAME": NAME, "OTHER": "0" * 40}
    arguments = [words.get(word, word) for word in line.split()]
    theirs = skopeo_with(home.variables, *arguments)
    ours = run_cli(*arguments, program="skopeo", variables=home.variables)
    assert ours.code == theirs.code, (ours.err, theirs.err)


@pytest.mark.usefixtures("folder")
def test_what_a_signature_says_is_shown_byte_for_byte(home: GpgHome) -> None:
    line = ("untrusted-signature-dump-without-verification", "image/signature-1")
    theirs = skopeo_with(home.variables, *line)
    ours = run_cli(*line, variables=home.variables)
    assert (ours.code, ours.out) == (theirs.code, theirs.out)
    # Nobody's keys are needed for it.
    assert run_cli(*line, variables={"PATH": os.environ["PATH"]}).out == theirs.out
