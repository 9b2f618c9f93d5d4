"""The same command line through skopeo and regcopy: exit code, message, output.

Debian's skopeo is older than the version that regcopy follows; where the two differ, the
newer one counts, and the case is among `differences.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.mediatypes import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST
from regcopy.testing.samples import multi_platform_image, single_image, write_dir, write_layout
from tests.command_line import Ended, run_cli
from tests.programs import require_program

_NEW_FIELDS: Final = re.compile(
    r'^    (?:"Variant": "[^"]*"|"LayersData": \[(?:\]|.*?^    \])),\n', re.MULTILINE | re.DOTALL
)


@pytest.fixture(autouse=True)
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images: `oci:one:t`, `oci:four:t`, `dir:docker`."""
    write_layout(single_image(), tmp_path / "one", "t")
    write_layout(multi_platform_image(), tmp_path / "four", "t")
    write_dir(single_image(family="v2s2"), tmp_path / "docker")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def skopeo(*arguments: str) -> Ended:
    done = subprocess.run(
        [require_program("skopeo"), "--insecure-policy", *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.getcwd()},
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def regcopy(*arguments: str) -> Ended:
    return run_cli("--insecure-policy", *arguments, program="skopeo")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "bogus",
        "bogus x y",
        "cop",
        "insp",
        "copi oci:a oci:b",
        "--nope",
        "hepl",
        "--nope copy",
        "--version=false",
        "-v copy x y",
        "bogus --nope",
        "--command-timeout=1x copy a b",
        "copy --nope",
        "copy --nope=1 a b",
        "copy --nope --help",
        "copy -v",
        "copy --version",
        "copy -Z",
        "copy -aZ a b",
        "copy ---x",
        "copy --=x",
        "copy --all=no a b",
        "copy --quiet=maybe a b",
        "copy --retry-times=x a b",
        "copy --retry-times a b",
        "copy --retry-times",
        "copy a b --retry-times",
        "copy -f",
        "copy --encrypt-layer=x a b",
        "copy x y",
        "copy oci:one:t y",
        "copy nope:x oci:y",
        "copy docker:x oci:y",
        "copy --all --multi-arch=all oci:one:t oci:y",
        "copy --format=foo oci:one:t oci:y",
        "copy --src-creds=a:b --src-no-creds docker://localhost:1/a oci:y",
        "copy --src-username=a --src-no-creds docker://localhost:1/a oci:y",
        "copy --src-username=a docker://localhost:1/a oci:y",
        "copy --dest-password=a oci:one:t docker://localhost:1/a",
        "copy --screds=a:b --src-no-creds docker://localhost:1/a oci:y",
        "copy --tls-verify=false x y",
        "--tls-verify=false copy x y",
        "--tls-verify=false list-tags x",
        "inspect",
        "inspect a b",
        "inspect x",
        "inspect --raw --format={{.Name}} oci:one:t",
        "inspect --all oci:one:t",
        "list-tags x",
        "list-tags dir:/x",
        "list-tags docker://localhost:1/a:b",
        "delete",
        "delete a b",
        "delete x",
        "delete dir:docker",
        "manifest-digest",
        "manifest-digest a b",
        "manifest-digest nope",
        "manifest-digest --tls-verify docker/manifest.json",
    ],
)
def test_what_cannot_be_done_ends_with_the_same_code_and_messages(line: str) -> None:
    theirs, ours = skopeo(*line.split()), regcopy(*line.split())
    assert theirs.code == 1
    assert (ours.code, ours.out) == (theirs.code, theirs.out)
    assert [(said.level, said.message) for said in ours.log] == [
        (said.level, said.message) for said in theirs.log
    ]


@pytest.mark.parametrize(
    "line",
    [
        "manifest-digest docker/manifest.json",
        "manifest-digest docker/version",
        "manifest-digest -- docker/manifest.json",
        "inspect --raw oci:one:t",
        "inspect --raw oci:four:t",
        "inspect --raw oci:one",
        "inspect oci:one:t --raw",
        "inspect --raw=true dir:docker",
        "inspect --config oci:one:t",
        "inspect --config dir:docker",
        "inspect --config --raw oci:one:t",
        "inspect --config --override-arch=s390x oci:four:t",
        "--override-arch s390x inspect --config oci:four:t",
        "inspect -f {{.Digest}} oci:one:t",
        "inspect --format={{.Architecture}}-{{.Os}} oci:one:t",
        "inspect --format={{.Created}} oci:one:t",
        "inspect --format={{.Labels}}{{.Env}}{{.Layers}} dir:docker",
        "inspect --format={{.Name}}{{.RepoTags}} dir:docker",
    ],
)
def test_what_is_shown_is_the_same_byte_for_byte(line: str) -> None:
    theirs, ours = skopeo(*line.split()), regcopy(*line.split())
    assert (theirs.code, ours.code) == (0, 0)
    assert ours.out == theirs.out
    assert ours.err == theirs.err == ""


def without_new_fields(text: str) -> str:
    """Leave out what only newer versions show; the rest stays as it is, byte for byte."""
    return _NEW_FIELDS.sub("", text)


@pytest.mark.parametrize(
    "line",
    [
        "inspect oci:one:t",
        "inspect dir:docker",
        "inspect --no-tags oci:one:t",
        "inspect -f json oci:one:t",
        "inspect oci:four:t",
        "inspect --override-arch=arm64 --override-variant=v8 oci:four:t",
        "--override-arch=ppc64le inspect oci:four:t",
    ],
)
def test_an_image_is_described_by_the_same_fields_in_the_same_order(line: str) -> None:
    theirs, ours = skopeo(*line.split()), regcopy(*line.split())
    assert (theirs.code, ours.code) == (0, 0)
    assert without_new_fields(ours.out) == theirs.out


CONFIGS: Final[tuple[dict[str, object], ...]] = (
    {},
    {"architecture": "amd64", "os": "linux", "config": None, "rootfs": {}},
    {"created": "2024-01-02T03:04:05.1200+02:00", "config": {"Labels": {}, "Env": []}},
    {"config": {"Env": ["A=<b>&\u2028é\x01"], "Labels": {"z": "1", "é": "\t", "a<": '"'}}},
    {"created": "2024-01-02T03:04:05.000000001Z", "docker_version": "1.2<", "author": "a&b"},
    {
        "config": {
            "User": "1000:0",
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
            "Entrypoint": ["/bin/sh", "-c"],
            "Cmd": None,
            "Volumes": {"/data": {}},
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
            "Healthcheck": {"Test": ["NONE"]},
        },
        "history": [{"created_by": "x", "empty_layer": True, "comment": "c"}, {}],
        "container_config": {},
    },
)


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
@pytest.mark.parametrize("family", ["docker", "oci"])
def test_odd_configs_are_shown_alike(images: Path, family: str, config: dict[str, object]) -> None:
    write_image(images / "odd", family, json.dumps(config).encode())
    ours, theirs = regcopy("inspect", "dir:odd"), skopeo("inspect", "dir:odd")
    assert without_new_fields(ours.out) == theirs.out
    assert regcopy("inspect", "--config", "dir:odd").out == (
        skopeo("inspect", "--config", "dir:odd").out
    )


def write_image(folder: Path, family: str, config: bytes) -> None:
    """Write an image without layers, whose config is what a test says."""
    docker = family == "docker"
    digest = Digest.of(config)
    described = Descriptor(DOCKER_CONFIG if docker else OCI_CONFIG, digest, len(config))
    manifest: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": described.to_json(),
        "layers": [],
    }
    folder.mkdir()
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    (folder / digest.hex).write_bytes(config)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def comparable(lines: Sequence[str]) -> list[str]:
    """Lines of a copy, in an order that does not depend on which blob is first."""
    newer = {"Storing signatures": None}
    texts = [line for line in lines if line not in newer]
    return sorted(line.replace("Copying 4 of 4 images in list", FOUR) for line in texts)


FOUR: Final = "Copying 4 images generated from 4 images in list"


@pytest.mark.parametrize(
    "line",
    [
        "copy oci:one:t oci:{0}:t",
        "copy oci:one:t dir:{0}",
        "copy dir:docker dir:{0}",
        "copy oci:four:t oci:{0}:t",
        "copy -a oci:four:t oci:{0}:t",
        "copy --multi-arch=all oci:four:t dir:{0}",
        "copy --quiet oci:one:t oci:{0}:t",
        "copy -qa oci:four:t oci:{0}:t",
    ],
)
def test_a_copy_is_told_by_the_same_lines(line: str) -> None:
    theirs = skopeo(*line.format("theirs").split())
    ours = regcopy(*line.format("ours").split())
    assert (theirs.code, ours.code) == (0, 0)
    assert comparable(ours.out.splitlines()) == comparable(theirs.out.splitlines())
    assert ours.err == theirs.err == ""


def test_the_digest_file_is_the_same(images: Path) -> None:
    skopeo("copy", "--digestfile=theirs", "oci:one:t", "oci:a")
    regcopy("copy", "--digestfile=ours", "oci:one:t", "oci:b")
    assert (images / "ours").read_bytes() == (images / "theirs").read_bytes()


def test_a_digest_file_that_cannot_be_written_gets_the_same_message() -> None:
    theirs = skopeo("copy", "--digestfile=no/file", "oci:one:t", "oci:a")
    ours = regcopy("copy", "--digestfile=no/file", "oci:one:t", "oci:b")
    assert (ours.code, ours.fatal) == (theirs.code, theirs.fatal)
