"""Every command that can give out a blob, under a policy that rejects: none does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.errors import PolicyRejected
from regcopy.session import Session
from regcopy.testing.samples import multi_platform_image, single_image, write_dir, write_layout
from regcopy.trust.options import TrustOptions
from tests.command_line import Ended, run_cli
from tests.fake_registry import FakeRegistry
from tests.signing import write_policy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images in two forms, and a policy that rejects them."""
    write_dir(single_image(), tmp_path / "one")
    write_layout(multi_platform_image(), tmp_path / "four", "t")
    write_policy(tmp_path / "policy.json", "reject")
    (tmp_path / "list").write_text("dir:one dir:out/list\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, policy: str = "policy.json") -> Ended:
    return run_cli("--policy", policy, *arguments)


@pytest.mark.parametrize(
    "line",
    [
        "copy dir:one dir:out/one",
        "copy --remove-signatures dir:one dir:out/one",
        "copy dir:one oci:out/layout:t",
        "copy oci:four:t dir:out/four",
        "copy --all oci:four:t dir:out/four",
        "copy --multi-arch=index-only oci:four:t dir:out/four",
        "copy --multi-arch=linux/arm64 oci:four:t dir:out/four",
        "copy --platform=linux/s390x oci:four:t dir:out/four",
        "copy --format=v2s2 dir:one dir:out/one",
        "copy --dry-run dir:one dir:out/one",
        "copy --dry-run --all oci:four:t dir:out/four",
        "layers dir:one",
        "layers oci:four:t",
        "batch list",
        "batch --dry-run list",
    ],
)
def test_nothing_is_copied(folder: Path, line: str) -> None:
    ended = run(*line.split())
    assert ended.code != 0
    assert "Source image rejected" in ended.err
    assert not (folder / "out").exists()
    assert not list(folder.glob("layers-*"))


def test_what_is_there_already_is_rejected_as_well(folder: Path) -> None:
    line = ("copy", "--all", "oci:four:t", "oci:out:t")
    assert run_cli("--insecure-policy", *line).code == 0
    assert run(*line).code == 1


@pytest.mark.parametrize(
    "line",
    [
        "copy --src-tls-verify=false docker://HOST/app:1 dir:out",
        "copy --all --src-tls-verify=false docker://HOST/app:1 dir:out",
        "layers --tls-verify=false docker://HOST/app:1",
        "sync --src-tls-verify=false --src docker --dest dir HOST/app:1 out",
        "sync --keep-going --src-tls-verify=false --src docker --dest dir HOST/app:1 out",
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_registry_is_asked_for_no_blob(fake: FakeRegistry, line: str) -> None:
    fake.hold(single_image(), "app", "1")
    ended = run(*line.replace("HOST", fake.host).split())
    assert ended.code != 0
    assert "Source image rejected" in ended.err
    assert fake.asked("GET", "/v2/app/manifests/1")
    assert fake.asked("GET", "blobs") == []


def test_looking_at_an_image_is_allowed_as_with_skopeo(folder: Path) -> None:
    assert run("inspect", "dir:one").code == 0


def test_the_way_round_is_insecure_policy_alone(folder: Path) -> None:
    assert run("--insecure-policy", "copy", "dir:one", "dir:out").code == 0


def test_the_library_follows_the_policy_of_the_user(folder: Path) -> None:
    with (
        Session(trust=TrustOptions(policy_file="policy.json")) as session,
        pytest.raises(PolicyRejected),
    ):
        session.copy("dir:one", "dir:out")


def unusable(folder: Path) -> Iterator[str]:
    """Names of policies that cannot be used."""
    yield "gone.json"
    (folder / "empty.json").write_text("")
    yield "empty.json"
    (folder / "broken.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]} x')
    yield "broken.json"
    (folder / "typo.json").write_text('{"default":[{"type":"insecureAcceptAnyting"}]}')
    yield "typo.json"
    (folder / "mark.json").write_bytes(
        b'\xef\xbb\xbf{"default":[{"type":"insecureAcceptAnything"}]}'
    )
    yield "mark.json"
    (folder / "loop.json").symlink_to("loop.json")
    yield "loop.json"
    (folder / "folder.json").mkdir()
    yield "folder.json"
    with (folder / "huge.json").open("wb") as file:
        file.write(b'{"default":[{"type":"insecureAcceptAnything"}]}')
        file.truncate(1024**3)
    yield "huge.json"


def test_a_policy_that_cannot_be_used_stops_every_copy(folder: Path) -> None:
    for policy in unusable(folder):
        ended = run("copy", "dir:one", "dir:out", policy=policy)
        assert (ended.code, (folder / "out").exists()) == (1, False), policy
        assert "policy" in ended.fatal
        assert len(ended.log) == 1


def test_the_policy_in_the_home_folder_is_found(folder: Path) -> None:
    home = folder / "home" / ".config" / "containers"
    home.mkdir(parents=True)
    write_policy(home / "policy.json", "reject")
    ended = run_cli("copy", "dir:one", "dir:out", variables={"HOME": str(folder / "home")})
    assert "Source image rejected" in ended.fatal
    (home / "policy.json").write_text("{}")
    ended = run_cli("copy", "dir:one", "dir:out", variables={"HOME": str(folder / "home")})
    assert ended.fatal.startswith("invalid trust policy")
