"""`layers`: the old way to get the layers of an image."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_layout
from tests.command_line import Ended, run_cli

DEPRECATED = "DEPRECATED: regcopy layers is deprecated in favor of regcopy copy\n"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleImage:
    """One image, `oci:one:t`, in a folder in which nothing else is."""
    made = single_image()
    write_layout(made, tmp_path / "one", "t")
    monkeypatch.chdir(tmp_path)
    return made


def layers(*arguments: str) -> Ended:
    return run_cli("--insecure-policy", "layers", *arguments)


def folders() -> list[Path]:
    return [Path(name) for name in os.listdir() if name.startswith("layers-")]


def blobs_in(folder: Path) -> set[Digest]:
    """Digests of all blobs of a `dir:` folder, whose names are checked."""
    found = {}
    for path in folder.iterdir():
        if path.name not in ("version", "manifest.json"):
            found[path.name] = Digest.of(path.read_bytes())
    assert all(name == digest.hex for name, digest in found.items())
    return set(found.values())


def test_all_layers_and_the_config_go_into_a_new_folder(image: SampleImage) -> None:
    ended = layers("oci:one:t")
    assert (ended.code, ended.out, ended.err) == (0, "", DEPRECATED)
    (folder,) = folders()
    assert blobs_in(folder) == set(image.blobs)
    assert (folder / "manifest.json").read_bytes() == image.top.content


def test_each_call_has_a_folder_of_its_own_that_is_for_the_user_only(image: SampleImage) -> None:
    layers("oci:one:t")
    layers("oci:one:t")
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders()] == [0o700, 0o700]


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_single_layers_can_be_named(image: SampleImage, prefix: str) -> None:
    digest = next(iter(image.blobs))
    assert layers("oci:one:t", f"{prefix}{digest.hex}", digest.hex).code == 0
    (folder,) = folders()
    assert blobs_in(folder) == {digest}
    assert (folder / "manifest.json").read_bytes() == image.top.content


def test_of_an_index_the_image_for_a_platform_is_meant(image: SampleImage) -> None:
    four = multi_platform_image()
    write_layout(four, Path("four"), "t")
    assert layers("--override-arch=s390x", "oci:four:t").code == 0
    (folder,) = folders()
    manifest = (folder / "manifest.json").read_bytes()
    assert manifest in {one.content for one in four.manifests}
    assert b'"manifests"' not in manifest


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 1, "Usage: layers imageReference [layer...]"),
        (("x",), 1, 'Invalid image name "x", expected colon-separated transport:reference'),
        (("oci:one:t", "abc"), 1, 'invalid digest "sha256:abc"'),
        (
            ("oci:one:t", "0" * 64),
            1,
            f"source oci:one:t: the image has no blob sha256:{'0' * 64}",
        ),
        (
            ("oci:one:none",),
            2,
            'source oci:one:none: no descriptor found for reference "none"',
        ),
    ],
)
def test_what_cannot_be_done_leaves_no_folder(
    image: SampleImage, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ended = layers(*arguments)
    assert (ended.code, ended.fatal) == (code, message)
    assert folders() == []


def test_the_trust_policy_is_asked(image: SampleImage, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "reject"}]}')
    ended = run_cli(f"--policy={policy}", "layers", "oci:one:t")
    assert ended.code == 1
    assert folders() == []


def test_a_blob_that_is_not_what_it_claims_is_refused(image: SampleImage) -> None:
    digest = next(iter(image.blobs))
    blob = Path("one/blobs/sha256", digest.hex)
    blob.write_bytes(bytes(len(image.blobs[digest])))
    ended = layers("oci:one:t")
    assert ended.code == 1
    assert "expected digest" in ended.fatal
    assert folders() == []
