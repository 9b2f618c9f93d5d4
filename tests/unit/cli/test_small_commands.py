"""`list-tags`, `delete`, `manifest-digest`, `auth explain`, `serve`, `demo`."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from regcopy import api
from regcopy.errors import NotFound
from regcopy.testing.samples import single_image, write_dir, write_layout
from tests.command_line import run_cli
from tests.schema1 import gzipped, schema1_image


def fake_tags(*tags: str, error: Exception | None = None) -> Callable[..., Iterator[str]]:
    def list_tags(*_: object, **__: object) -> Iterator[str]:
        yield from tags
        if error is not None:
            raise error

    return list_tags


def test_tags_are_listed_as_skopeo_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "list_tags", fake_tags("1", "2"))
    assert run_cli("list-tags", "docker://host.example/team/app").out == (
        '{\n    "Repository": "host.example/team/app",\n    "Tags": [\n        "1",\n'
        '        "2"\n    ]\n}\n'
    )


def test_a_repository_without_tags_has_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "list_tags", fake_tags())
    shown = json.loads(run_cli("list-tags", "docker://busybox").out)
    assert shown == {"Repository": "docker.io/library/busybox", "Tags": []}


def test_a_list_that_breaks_off_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "list_tags", fake_tags("1", error=NotFound("name unknown")))
    ended = run_cli("list-tags", "docker://host.example/app")
    assert (ended.code, ended.out, ended.fatal) == (1, "", "name unknown")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Exactly one non-option argument expected"),
        (("x",), 'Invalid "x": does not specify a transport'),
        (("docker://host.example/app:1",), "No tag or digest allowed in reference"),
    ],
)
def test_list_tags_wants_one_repository(arguments: tuple[str, ...], message: str) -> None:
    ended = run_cli("list-tags", *arguments)
    assert (ended.code, ended.out, ended.fatal) == (1, "", message)


def test_list_tags_says_which_transports_have_tags() -> None:
    assert run_cli("list-tags", "dir:/x").fatal.startswith(
        "Unsupported transport 'dir' for tag listing. Only supported: docker"
    )


def test_an_image_of_a_layout_can_be_deleted(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path, "one")
    assert run_cli("delete", f"oci:{tmp_path}:one").code == 0
    assert json.loads((tmp_path / "index.json").read_bytes())["manifests"] == []


def test_deleting_what_is_not_there_is_exit_code_two(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path, "one")
    assert run_cli("delete", f"oci:{tmp_path}:two").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Usage: delete imageReference"),
        (
            ("x",),
            (
                'Invalid source name x: Invalid image name "x", '
                "expected colon-separated transport:reference"
            ),
        ),
        (("dir:/x",), "Deleting images not implemented for dir: images"),
    ],
)
def test_delete_wants_one_image(arguments: tuple[str, ...], message: str) -> None:
    ended = run_cli("delete", *arguments)
    assert (ended.code, ended.fatal) == (1, message)


@pytest.mark.parametrize("content", [b'{"schemaVersion":2}', b"no json", b"", b'"signatures" {'])
def test_the_digest_of_a_manifest_is_that_of_its_bytes(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "manifest.json"
    file.write_bytes(content)
    ended = run_cli("manifest-digest", str(file))
    assert ended.out == f"sha256:{hashlib.sha256(content).hexdigest()}\n"


def test_the_digest_of_a_signed_schema_1_manifest_leaves_the_signatures_out(
    tmp_path: Path,
) -> None:
    image = schema1_image(gzipped(b"layer"))
    file = tmp_path / "manifest.json"
    file.write_bytes(image.top.content)
    assert run_cli("manifest-digest", str(file)).out == f"{image.digest}\n"


def test_a_signed_schema_1_manifest_that_makes_no_sense_has_no_digest(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text('{"schemaVersion": 1, "fsLayers": [], "signatures": []}')
    ended = run_cli("manifest-digest", str(file))
    assert (ended.code, ended.out) == (1, "")
    assert '"signatures" is empty' in ended.fatal


def test_a_file_that_no_manifest_can_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(4 * 1024 * 1024 + 1))
    assert "no manifest is that large" in run_cli("manifest-digest", str(file)).fatal


def test_a_file_that_is_not_there_gets_skopeos_message() -> None:
    ended = run_cli("manifest-digest", "nope")
    assert (ended.code, ended.fatal) == (
        1,
        "Error reading manifest from nope: open nope: no such file or directory",
    )


def test_manifest_digest_wants_one_file() -> None:
    assert run_cli("manifest-digest").fatal == "Usage: regcopy manifest-digest manifest"


@pytest.fixture
def auth_file(tmp_path: Path) -> Path:
    file = tmp_path / "auth.json"
    secret = base64.b64encode(b"robot:hunter2").decode()
    file.write_text(json.dumps({"auths": {"host.example/team": {"auth": secret}}}))
    return file


def test_auth_explain_tells_which_entry_is_used_and_no_secret(auth_file: Path) -> None:
    ended = run_cli("auth", "explain", f"--authfile={auth_file}", "docker://host.example/team/app")
    assert ended.out.splitlines() == [
        "Credentials for host.example/team/app:",
        f"  {auth_file}: used: host.example/team",
        f'Used: password from {auth_file} entry "host.example/team"',
    ]
    assert "hunter2" not in ended.out + ended.err


def test_auth_explain_tells_when_access_is_anonymous(tmp_path: Path) -> None:
    ended = run_cli("auth", "explain", "busybox", variables={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "Credentials for docker.io/library/busybox:",
        f"  {tmp_path}/containers/auth.json: missing",
        "No credentials: access is anonymous.",
    ]


def test_auth_explain_fails_where_a_copy_would_fail(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text("{")
    ended = run_cli("auth", "explain", "busybox", f"--authfile={file}")
    assert ended.code == 1
    assert f"  {file}: malformed" in ended.out
    assert str(file) in ended.fatal


@pytest.mark.parametrize(
    "arguments", [(), ("explain",), ("show", "busybox"), ("explain", "a", "b")]
)
def test_auth_explains_one_image(arguments: tuple[str, ...]) -> None:
    assert run_cli("auth", *arguments).fatal == "Usage: regcopy auth explain IMAGE"


def test_auth_explain_wants_a_name() -> None:
    assert run_cli("auth", "explain", "A b").fatal.startswith("Invalid image name A b: ")


def test_serve_takes_no_names() -> None:
    assert run_cli("serve", "folder").fatal == "`regcopy serve` takes no names"


def test_serve_refuses_an_address_that_is_none() -> None:
    ended = run_cli("serve", "--listen=nowhere")
    assert ended.code == 1
    assert ended.fatal.startswith('invalid address "nowhere"')


def test_demo_takes_no_names() -> None:
    assert run_cli("demo", "x").fatal == "`regcopy demo` takes no names"


@pytest.mark.parametrize(("is_right", "code"), [(True, 0), (False, 1)])
def test_demo_shows_its_steps_and_fails_where_a_digest_differs(
    monkeypatch: pytest.MonkeyPatch, is_right: bool, code: int
) -> None:
    def run_demo(print_line: Callable[[str], None], *, cancelled: threading.Event) -> bool:
        assert not cancelled.is_set()
        print_line("one step")
        return is_right

    module = SimpleNamespace(run_demo=run_demo)
    monkeypatch.setitem(sys.modules, "regcopy.testing.demo", module)
    ended = run_cli("demo")
    assert (ended.code, ended.out) == (code, "one step\n")


def test_an_image_can_be_copied_from_one_folder_to_another(tmp_path: Path) -> None:
    image = single_image()
    write_dir(image, tmp_path / "from")
    ended = run_cli("copy", f"dir:{tmp_path}/from", f"oci:{tmp_path}/to:1")
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == "Writing manifest to image destination"
    assert run_cli("inspect", "--raw", f"oci:{tmp_path}/to:1").out.encode() == image.top.content


def test_nothing_is_left_where_a_copy_fails(tmp_path: Path) -> None:
    ended = run_cli("copy", f"dir:{tmp_path}/none", f"oci:{tmp_path}/to:1")
    assert ended.code == 2
    assert os.listdir(tmp_path) == []
