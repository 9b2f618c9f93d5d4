from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from regcopy import api
from regcopy.copying.image_info import ImageInfo
from regcopy.errors import Forbidden, RegcopyError, ServerFault
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageManifest, RawManifest
from regcopy.model.mediatypes import DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_layout
from tests.command_line import run_cli
from tests.stores import HandStore

LAYER: Final = Descriptor(OCI_LAYER_GZIP, Digest.of(b"layer"), 5, annotations={"b": "2", "a": "1"})
CONFIG: Final = {
    "created": "2024-01-02T03:04:05.120Z",
    "docker_version": "24",
    "architecture": "arm64",
    "variant": "v8",
    "os": "linux",
    "config": {"Env": ["A=1"], "Labels": {"z": "<1>", "a": "2"}},
}


@pytest.fixture
def single(tmp_path: Path) -> SampleImage:
    """One image, as `oci:layout:one` in the folder of the test."""
    image = single_image()
    write_layout(image, tmp_path / "layout", "one")
    return image


@pytest.fixture
def layout(tmp_path: Path, single: SampleImage) -> str:
    return f"oci:{tmp_path / 'layout'}:one"


class FakeRegistry:
    """Stands for `api.inspect` and `api.list_tags` of an image in a registry."""

    def __init__(self) -> None:
        self.media_type = OCI_MANIFEST
        self.config: object = CONFIG
        self.tags_error: RegcopyError | None = None
        self.listed: list[str] = []

    def inspect(self, *_: object, **__: object) -> ImageInfo:
        config = Descriptor(OCI_CONFIG, Digest.of(b"config"), 6)
        manifest = ImageManifest(self.media_type, config, (LAYER,), None, {})
        raw = RawManifest(b"{}", self.media_type)
        content = json.dumps(self.config).encode()
        return ImageInfo("host/app", Digest.of(b"{}"), raw, manifest, content)

    def list_tags(self, reference: str, **_: object) -> Iterator[str]:
        self.listed.append(reference)
        if self.tags_error is not None:
            raise self.tags_error
        yield from ("1", "2")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()
    monkeypatch.setattr(api, "inspect", fake.inspect)
    monkeypatch.setattr(api, "list_tags", fake.list_tags)
    return fake


def inspect_registry(*flags: str) -> dict[str, object]:
    loaded = json.loads(run_cli("inspect", *flags, "docker://host/app:1").out)
    assert isinstance(loaded, dict)
    return loaded


def test_the_fields_stand_in_skopeos_order(registry: FakeRegistry) -> None:
    assert list(inspect_registry()) == [
        *("Name", "Digest", "RepoTags", "Created", "DockerVersion", "Labels", "Architecture"),
        *("Variant", "Os", "Layers", "LayersData", "Env"),
    ]


def test_the_fields_have_what_manifest_and_config_say(registry: FakeRegistry) -> None:
    shown = inspect_registry()
    assert (shown["Name"], shown["RepoTags"]) == ("host/app", ["1", "2"])
    assert (shown["Created"], shown["DockerVersion"]) == ("2024-01-02T03:04:05.12Z", "24")
    assert shown["Layers"] == [str(LAYER.digest)]
    assert shown["LayersData"] == [
        {
            "MIMEType": OCI_LAYER_GZIP,
            "Digest": str(LAYER.digest),
            "Size": 5,
            "Annotations": {"a": "1", "b": "2"},
        }
    ]
    assert shown["Env"] == ["A=1"]


def test_labels_are_sorted_and_escaped_as_go_does_it(registry: FakeRegistry) -> None:
    out = run_cli("inspect", "docker://host/app:1").out
    assert '"Labels": {\n        "a": "2",\n        "z": "\\u003c1\\u003e"\n    }' in out


def test_what_the_config_does_not_say_is_null(registry: FakeRegistry) -> None:
    registry.config = {}
    shown = inspect_registry()
    assert (shown["Created"], shown["Labels"], shown["Env"]) == (None, None, None)
    assert "Variant" not in shown


def test_docker_has_a_zero_time_for_none(registry: FakeRegistry) -> None:
    registry.config, registry.media_type = {}, DOCKER_MANIFEST
    assert inspect_registry()["Created"] == "0001-01-01T00:00:00Z"


def test_tags_are_not_listed_where_they_are_not_wanted(registry: FakeRegistry) -> None:
    assert inspect_registry("--no-tags")["RepoTags"] == []
    assert registry.listed == []


def test_a_registry_that_does_not_list_tags_is_a_warning(registry: FakeRegistry) -> None:
    registry.tags_error = Forbidden("denied")
    ended = run_cli("inspect", "docker://host/app:1")
    assert ended.code == 0
    assert json.loads(ended.out)["RepoTags"] == []
    assert [line.message for line in ended.log] == [
        "Registry disallows tag list retrieval; skipping"
    ]


def test_a_registry_that_fails_while_listing_tags_is_an_error(registry: FakeRegistry) -> None:
    registry.tags_error = ServerFault("500")
    ended = run_cli("inspect", "docker://host/app:1")
    assert (ended.code, ended.out) == (1, "")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "image config is not a JSON object"),
        ({"os": 5}, 'invalid image config: "os" is not a string'),
        ({"created": "yesterday"}, "is no time in the form of RFC 3339"),
        ({"config": {"Env": [1]}}, "is not a string"),
    ],
)
def test_a_config_that_is_none_is_one_error(
    registry: FakeRegistry, config: object, message: str
) -> None:
    registry.config = config
    ended = run_cli("inspect", "docker://host/app:1")
    assert ended.code == 1
    assert message in ended.fatal


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.Name}}@{{.Digest}}", f"host/app@{Digest.of(b'{}')}\n"),
        ("{{ .Os }}\\t{{.Architecture}}\\n", "linux\tarm64\n"),
        ("{{.Labels}} {{.Env}} {{.RepoTags}}", "map[a:2 z:<1>] [A=1] [1 2]\n"),
        ("{{.Created}}", "2024-01-02 03:04:05.12 +0000 UTC\n"),
        ("{{json .Labels}}", '{"a":"2","z":"<1>"}\n'),
        ("{{range .LayersData}}{{.MIMEType}} {{.Size}}{{end}}", f"{OCI_LAYER_GZIP} 5\n"),
        ("table {{.Os}} {{.Architecture}}", "linux       arm64\n"),
        ("no fields", "no fields\n"),
    ],
)
def test_a_template_of_fields_is_filled_in(
    registry: FakeRegistry, template: str, text: str
) -> None:
    assert run_cli("inspect", "--format", template, "docker://host/app:1").out == text


@pytest.mark.parametrize("template", ["json", "{{json .}}", "{{ json . }}"])
def test_a_template_may_ask_for_all_of_it(registry: FakeRegistry, template: str) -> None:
    assert inspect_registry("-f", template) == inspect_registry()


def test_fields_that_are_not_there_are_shown_as_go_does_it(registry: FakeRegistry) -> None:
    registry.config = {}
    ended = run_cli("inspect", "-f", "{{.Created}} {{.Labels}} {{.Env}}", "docker://host/app:1")
    assert ended.out == "<nil> map[] []\n"


def test_a_template_shows_nothing_that_moves_a_cursor(registry: FakeRegistry) -> None:
    registry.config = {"architecture": "\x1b[2J"}
    ended = run_cli("inspect", "-f", "{{.Architecture}}", "docker://host/app:1")
    assert ended.out == "\\x1b[2J\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Nope}}", "--format: .Nope: there is no field Nope among Name, Tag, Digest, "),
        ("{{range .Layers}}x", "--format: range has no end"),
        ("{{.Name", "--format: a {{ has no }}"),
        ("{{nope .Name}}", '--format: function "nope" not defined'),
    ],
)
def test_a_template_that_is_wrong_is_refused(
    registry: FakeRegistry, template: str, message: str
) -> None:
    ended = run_cli("inspect", "--format", template, "docker://host/app:1")
    assert (ended.code, ended.out) == (1, "")
    assert message in ended.fatal


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.OS}}/{{.Architecture}}/{{.Variant}}", "linux/arm64/v8\n"),
        ("{{.Config.Labels.a}} {{.Config.Cmd}} {{.RootFS.DiffIDs}}", "2 [] []\n"),
        ("{{json .Config}} ", '{"Env":["A=1"],"Labels":{"a":"2","z":"<1>"}} \n'),
    ],
)
def test_a_template_of_the_config_has_the_fields_of_the_config(
    registry: FakeRegistry, template: str, text: str
) -> None:
    ended = run_cli("inspect", "--config", "--format", template, "docker://host/app:1")
    assert ended.out == text


def test_all_of_the_config_may_be_asked_for_by_a_template(registry: FakeRegistry) -> None:
    plain = run_cli("inspect", "--config", "docker://host/app:1").out
    assert run_cli("inspect", "--config", "-f", "json", "docker://host/app:1").out == plain


def test_the_digest_may_be_of_another_algorithm(registry: FakeRegistry) -> None:
    digest = inspect_registry("--manifest-digest=sha512")["Digest"]
    assert digest == f"sha512:{hashlib.sha512(b'{}').hexdigest()}"


def test_raw_gives_the_bytes_of_the_manifest(single: SampleImage, layout: str) -> None:
    assert run_cli("inspect", "--raw", layout).out.encode() == single.top.content


def test_raw_config_gives_the_bytes_of_the_config(single: SampleImage, layout: str) -> None:
    out = run_cli("inspect", "--raw", "--config", layout).out.encode()
    assert out in single.blobs.values()


def test_config_is_indented(layout: str) -> None:
    out = run_cli("inspect", "--config", layout).out
    assert out.startswith('{\n    "created": "2024-01-02T03:04:05Z",\n    "architecture": "amd64",')
    assert out.endswith("}\n")


def test_a_layout_has_no_name_and_no_tags(layout: str) -> None:
    shown = json.loads(run_cli("inspect", layout).out)
    assert "Name" not in shown
    assert shown["RepoTags"] == []


def test_of_an_index_the_platform_that_was_asked_for_is_shown(tmp_path: Path) -> None:
    index = multi_platform_image()
    write_layout(index, tmp_path, "four")
    shown = json.loads(run_cli("inspect", "--override-arch=s390x", f"oci:{tmp_path}:four").out)
    assert (shown["Architecture"], shown["Digest"]) == ("s390x", str(index.digest))


def test_an_image_that_does_not_exist_is_exit_code_two(layout: str) -> None:
    ended = run_cli("inspect", f"{layout}-not")
    assert ended.code == 2
    assert "no descriptor found for reference" in ended.fatal


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Exactly one argument expected"),
        (("oci:a", "oci:b"), "Exactly one argument expected"),
        (("--raw", "-f", "x", "oci:a"), "raw output does not support format option"),
        (("--manifest-digest=x", "oci:a"), '--manifest-digest: unknown algorithm "x"'),
        (
            ("x",),
            (
                'Error parsing image name "x": Invalid image name "x", '
                "expected colon-separated transport:reference"
            ),
        ),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], message: str) -> None:
    ended = run_cli("inspect", *arguments)
    assert (ended.code, ended.fatal) == (1, message)


def test_an_image_of_a_store_is_shown_with_its_repository_and_no_tags(tmp_path: Path) -> None:
    store = HandStore(tmp_path / "store")
    store.add(single_image(), "localhost/app:1")

    shown = json.loads(run_cli("inspect", f"containers-storage:{store.spec}localhost/app:1").out)
    assert (shown["Name"], shown["RepoTags"]) == ("localhost/app", [])
