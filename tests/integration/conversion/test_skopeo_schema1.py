"""Docker's schema 1, from and to everything: the digests are those that skopeo makes.

The signatures differ from one run to the next; a digest leaves them out.
"""

from __future__ import annotations

import json
import tarfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from regcopy.api import Access, copy, get_manifest
from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.errors import RegcopyError, TransportError
from regcopy.model.digest import Digest
from regcopy.model.manifest import media_type_of
from regcopy.model.mediatypes import DOCKER_SCHEMA1_SIGNED, Format
from regcopy.testing.samples import (
    FOUR_PLATFORMS,
    SampleImage,
    image_of_layers,
    multi_platform_image,
    write_dir,
)
from regcopy.transports.base import RetryPolicy, SideOptions
from regcopy.trust.options import TrustOptions
from tests.command_line import run_cli
from tests.conftest import StartRegistry
from tests.layers import tars, with_manifest
from tests.programs import run_program, skopeo
from tests.schema1 import gzipped, schema1_image
from tests.servers import Registry, RegistrySetup

# What a registry refuses is refused again: there is no need to wait.
ACCESS = Access(options=SideOptions(tls_verify=False), retry=RetryPolicy(tries=1))
ANYTHING = TrustOptions(insecure_policy=True)
PLAIN_HTTP = ("--src-tls-verify=false", "--dest-tls-verify=false")
HISTORY = [
    {"created": "2024-01-02T03:04:05.120Z", "created_by": "ADD a && <b>"},
    {"created": "2024-01-02T03:04:05+02:00", "created_by": "ENV A=1", "empty_layer": True},
    {"created_by": "ADD é", "comment": "c", "author": "me"},
    {"empty_layer": True},
]
FAMILIES: Sequence[Format] = ("v2s1", "v2s2", "oci")
DOCKER: Sequence[Format] = ("v2s1", "v2s2")
FORMATS: Sequence[Format | None] = (None, *FAMILIES)
PLACES = ("dir", "oci", "docker-archive", "registry", "old registry")
# What we do in another way, by source, format and place.
OUR_WAY: Mapping[tuple[Format, Format | None, str], str] = {
    ("v2s1", None, "registry"): "schema 2, where skopeo fails",
    ("v2s1", None, "old registry"): "schema 2, as in any other registry",
    # Docker's manifests have no place in a layout.
    **{(source, to, "oci"): "refused" for source in FAMILIES for to in DOCKER},
}

NameIn = Callable[[str, str], str]


def sample(family: Format) -> SampleImage:
    """Make an image of two layers and four steps."""
    if family == "v2s1":
        return schema1_image(gzipped(*tars()), empty=[1, 3])
    made = image_of_layers(tars(), platform=FOUR_PLATFORMS[0], family=family)
    document = json.loads(made.top.content)
    before = json.loads(made.blobs[Digest.parse(document["config"]["digest"])])
    content = json.dumps({**before, "odd": {"b": 1.50, "a": "<é>"}, "history": HISTORY}).encode()
    document["config"].update(digest=str(Digest.of(content)), size=len(content))
    return with_manifest(made, document, [content])


@pytest.fixture(scope="session")
def old_registry(start_registry: StartRegistry) -> Registry:
    """A registry that takes schema 1, if its signature holds."""
    return start_registry(RegistrySetup(schema1=True))


@pytest.fixture
def name_in(tmp_path: Path, registry: Registry, old_registry: Registry) -> NameIn:
    """Give the name of an image that is not there yet, in a kind of place."""
    unique = uuid.uuid4().hex
    hosts = {"registry": registry.host, "old registry": old_registry.host}

    def name(kind: str, who: str) -> str:
        if kind in hosts:
            return f"docker://{hosts[kind]}/{unique}/app:1"  # which schema 1 has in it
        path = tmp_path / f"{kind}-{who}"
        return {"dir": f"dir:{path}", "oci": f"oci:{path}:x"}.get(kind, f"{kind}:{path}:a/b:1")

    return name


def digest_at(name: str) -> str:
    """What identifies the image at a place: its digest, or that of its config in an archive."""
    kind, _, rest = name.partition(":")
    if kind == "oci":
        index = json.loads(Path(rest.partition(":")[0], "index.json").read_bytes())
        return str(index["manifests"][0]["digest"])
    if kind != "docker-archive":
        return str(get_manifest(name, access=ACCESS).digest)
    with tarfile.open(rest.partition(":")[0]) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return str(json.load(file)[0]["Config"])


def by_skopeo(source: str, name: str, *flags: str) -> str | None:
    """Copy by skopeo; None where it fails."""
    try:
        skopeo("copy", *PLAIN_HTTP, *flags, source, name)
    except pytest.fail.Exception:
        return None
    return digest_at(name)


def by_us(source: str, name: str, to: Format | None = None) -> str | None:
    """Copy by regcopy; None where it fails."""
    try:
        copy(
            source,
            name,
            options=CopyOptions(format=to),
            source_access=ACCESS,
            destination_access=ACCESS,
            trust=ANYTHING,
        )
    except RegcopyError:
        return None
    return digest_at(name)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_conversion_has_the_digest_that_skopeo_gives_it(
    family: Format, to: Format | None, place: str, tmp_path: Path, name_in: NameIn
) -> None:
    write_dir(sample(family), tmp_path / "source")
    source = f"dir:{tmp_path}/source"

    ours = by_us(source, name_in(place, "ours"), to)
    theirs = by_skopeo(source, name_in(place, "theirs"), *(("--format", to) if to else ()))

    if (family, to, place) in OUR_WAY:
        assert ours != theirs
    else:
        assert ours == theirs


@pytest.mark.parametrize(("to", "place"), [("v2s2", "dir"), ("oci", "dir"), (None, "oci")])
def test_what_a_registry_has_is_converted_as_a_folder_is(
    to: Format | None, place: str, tmp_path: Path, name_in: NameIn
) -> None:
    source = name_in("old registry", "")
    write_dir(sample("v2s2"), tmp_path / "made")
    skopeo("copy", *PLAIN_HTTP, "--format=v2s1", f"dir:{tmp_path}/made", source)

    theirs = by_skopeo(source, name_in(place, "theirs"), *(("--format", to) if to else ()))

    assert theirs is not None
    assert by_us(source, name_in(place, "ours"), to) == theirs


def test_a_schema_1_image_is_named_by_the_digest_of_what_was_signed(
    tmp_path: Path, name_in: NameIn
) -> None:
    source = name_in("old registry", "")
    write_dir(sample("v2s2"), tmp_path / "made")
    skopeo("copy", *PLAIN_HTTP, "--format=v2s1", f"dir:{tmp_path}/made", source)
    digest = digest_at(source)

    by_digest = f"{source.removesuffix(':1')}@{digest}"

    assert by_us(by_digest, f"dir:{tmp_path}/copy") == digest
    assert media_type_of((tmp_path / "copy/manifest.json").read_bytes()) == DOCKER_SCHEMA1_SIGNED
    shown = run_program("skopeo", "manifest-digest", f"{tmp_path}/copy/manifest.json")
    assert shown.decode().strip() == digest


@pytest.mark.parametrize("version", ["", "1.8.2", "1.8.3", "20.10.1", "1.6.0"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"author": "A <a@example.com>", "comment": "c", "Size": 5, "parent_id": "x"},
        {"config": None, "container": "c", "created": None, "layer_id": "y"},
        {
            "config": {
                "Hostname": "h",
                "User": "u",
                "AttachStdout": True,
                "Tty": True,
                "OnBuild": [],
                "ExposedPorts": {"90/tcp": {}, "80/tcp": {}},
                "Env": [],
                "Cmd": "x y",
                "Volumes": {"/b": {}, "/a": {}},
                "Labels": {"b": "2", "a": "<1>"},
                "MacAddress": "m",
                "NetworkDisabled": True,
                "CpuShares": 0,
                "Memory": 1,
                "Entrypoint": ["e"],
                "WorkingDir": "/",
                "Image": "i",
                "StopSignal": "s",
            },
            "variant": "v8",
        },
    ],
)
def test_configs_of_every_docker_become_those_that_skopeo_makes(
    version: str, more: dict[str, object], tmp_path: Path, name_in: NameIn
) -> None:
    image = schema1_image(gzipped(*tars()), last={"docker_version": version, **more})
    write_dir(image, tmp_path / "source")
    source = f"dir:{tmp_path}/source"

    theirs = by_skopeo(source, name_in("dir", "theirs"), "--format=v2s2")

    assert theirs is not None
    assert by_us(source, name_in("dir", "ours"), "v2s2") == theirs


def test_layers_that_are_decompressed_are_entered_as_skopeo_enters_them(
    tmp_path: Path, name_in: NameIn
) -> None:
    write_dir(sample("v2s1"), tmp_path / "source")
    ours, options = name_in("dir", "ours"), CopyOptions(compression=CompressionOptions("plain"))

    copy(f"dir:{tmp_path}/source", ours, options=options, trust=ANYTHING)

    theirs = by_skopeo(f"dir:{tmp_path}/source", name_in("dir", "theirs"), "--dest-decompress")
    assert digest_at(ours) == theirs


@pytest.mark.parametrize("place", ["dir", "old registry"])
def test_a_list_of_images_becomes_the_one_that_skopeo_makes(
    place: str, tmp_path: Path, name_in: NameIn
) -> None:
    # Two compressors would give two digests; and so the sizes of manifests are the same too.
    write_dir(multi_platform_image(family="v2s2"), tmp_path / "source")
    source, ours = f"dir:{tmp_path}/source", name_in(place, "ours")
    options = CopyOptions(format="v2s1", instances=Instances("all"))

    copy(source, ours, options=options, destination_access=ACCESS, trust=ANYTHING)
    mine = digest_at(ours)

    assert mine == by_skopeo(source, name_in(place, "theirs"), "--all", "--format=v2s1")


def test_skopeo_reads_what_we_made(tmp_path: Path, name_in: NameIn) -> None:
    write_dir(sample("oci"), tmp_path / "source")
    by_us(f"dir:{tmp_path}/source", name_in("old registry", ""), "v2s1")

    theirs = by_skopeo(name_in("old registry", ""), name_in("dir", "theirs"), "--format=v2s2")

    assert theirs == by_us(name_in("old registry", ""), name_in("dir", "ours"), "v2s2")


def test_a_registry_that_refuses_schema_1_is_told_of_with_the_way_out(
    tmp_path: Path, name_in: NameIn
) -> None:
    write_dir(sample("oci"), tmp_path / "source")

    with pytest.raises(TransportError) as caught:
        copy(
            f"dir:{tmp_path}/source",
            name_in("registry", ""),
            options=CopyOptions(format="v2s1"),
            destination_access=ACCESS,
            trust=ANYTHING,
        )

    assert "--format v2s2" in caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        *("inspect --config", "inspect --config --raw"),
        *("inspect --format {{.Digest}}{{.Tag}}", "inspect --format {{.Created}}{{.Layers}}"),
    ],
)
def test_it_is_inspected_as_by_skopeo(line: str, tmp_path: Path, name_in: NameIn) -> None:
    write_dir(sample("v2s2"), tmp_path / "made")
    name = name_in("old registry", "")
    skopeo("copy", *PLAIN_HTTP, "--format=v2s1", f"dir:{tmp_path}/made", name)

    theirs = skopeo(*line.split(), "--tls-verify=false", name)
    ours = run_cli(*line.split(), "--tls-verify=false", name)

    assert ours.out == theirs.decode()


def test_a_report_has_all_that_skopeo_s_has(tmp_path: Path) -> None:
    write_dir(sample("v2s1"), tmp_path / "source")
    name = f"dir:{tmp_path}/source"

    theirs, ours = json.loads(skopeo("inspect", name)), json.loads(run_cli("inspect", name).out)

    assert [layer["Size"] for layer in ours.pop("LayersData")] == [-1] * 4
    assert ours == theirs


@pytest.mark.parametrize("command", ["sync", "batch"])
def test_lists_of_images_can_be_written_as_schema_1(
    command: str, tmp_path: Path, name_in: NameIn
) -> None:
    write_dir(sample("v2s2"), tmp_path / "source" / "app:1")
    name = name_in("old registry", "")
    repository = name.removeprefix("docker://").removesuffix("/app:1")
    if command == "sync":
        line = ("--src=dir", "--dest=docker", "--format=v2s1", "--dest-tls-verify=false")
        ended = run_cli("sync", *line, f"{tmp_path}/source", repository)
    else:
        (tmp_path / "list").write_text(f"dir:{tmp_path}/source/app:1 {name} format=v2s1\n")
        ended = run_cli("batch", "--dest-tls-verify=false", f"{tmp_path}/list")

    assert ended.code == 0
    assert get_manifest(name, access=ACCESS).media_type == DOCKER_SCHEMA1_SIGNED
