"""Syncing between real registries and folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from regcopy.testing.samples import multi_platform_image, single_image, write_dir
from tests.command_line import Ended, run_cli
from tests.conftest import PASSWORD, USER
from tests.registry_tools import RegistryTools
from tests.servers import Registry


@dataclass(frozen=True)
class Pair:
    """Two registries, and a repository that no other test uses."""

    first: Registry
    second: Registry
    repository: str

    @property
    def app(self) -> str:
        """A repository below it."""
        return f"{self.repository}/app"

    @property
    def names(self) -> tuple[str, str]:
        """From where to where."""
        return f"{self.first.host}/{self.app}", f"{self.second.host}/{self.repository}"

    @property
    def source(self) -> RegistryTools:
        """The tests' own way into the first."""
        return RegistryTools(self.first.url)

    @property
    def destination(self) -> RegistryTools:
        """The tests' own way into the second."""
        return RegistryTools(self.second.url)

    def push(self, *tags: str) -> None:
        """Push an image for each tag to the source."""
        for tag in tags:
            self.source.push(single_image(seed=tag), self.app, tag)


@pytest.fixture
def pair(registry: Registry, second_registry: Registry, repository: str) -> Pair:
    """Two registries that are open to everybody."""
    return Pair(registry, second_registry, repository)


def sync(kinds: str, source: str, destination: str, *flags: str) -> Ended:
    source_kind, destination_kind = kinds.split()
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    ended = run_cli(
        "sync", "-s", source_kind, "-d", destination_kind, *plain, *flags, source, destination
    )
    assert ended.code == 0, ended.err
    return ended


def test_a_repository_goes_to_a_folder_and_on_to_another_registry(
    pair: Pair, tmp_path: Path
) -> None:
    tags = ("1", "2", "latest")
    source, destination = pair.names
    for tag in tags:
        pair.source.push(multi_platform_image(seed=tag), pair.app, tag)
    sync("docker dir", source, str(tmp_path), "--all")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"app:{tag}" for tag in tags]
    sync("dir docker", str(tmp_path), destination, "--all")
    for tag in tags:
        assert pair.destination.holds(multi_platform_image(seed=tag), pair.app, tag)


def test_syncing_again_costs_a_head_at_the_destination_and_a_get_at_the_source(
    pair: Pair,
) -> None:
    pair.push(*"1234")
    sync("docker docker", *pair.names)
    with pair.first.watch() as read, pair.second.watch() as written:
        sync("docker docker", *pair.names)
    assert sorted(request.method for request in written) == ["HEAD"] * 4
    assert len(read) == 5  # the tags, and each manifest


def test_skipping_what_exists_costs_one_question_at_each_side(pair: Pair) -> None:
    pair.push(*"1234")
    sync("docker docker", *pair.names)
    with pair.first.watch() as read, pair.second.watch() as written:
        sync("docker docker", *pair.names, "--skip-existing")
    assert [str(each) for each in (*read, *written)] == [f"GET /v2/{pair.app}/tags/list 200"] * 2


def test_what_the_source_has_no_more_is_deleted(pair: Pair) -> None:
    pair.push("new")
    for tag, seed in (("old", "old"), ("same", "new")):
        pair.destination.push(single_image(seed=seed), pair.app, tag)
    sync("docker docker", *pair.names, "--delete", "--dry-run")
    assert sorted(pair.destination.tags(pair.app)) == ["old", "same"]
    sync("docker docker", *pair.names, "--delete")
    # `same` is another name of the image that stays.
    assert sorted(pair.destination.tags(pair.app)) == ["new", "same"]


def test_a_file_names_registries_with_their_certificates_and_credentials(
    tls_registry: Registry, basic_registry: Registry, pair: Pair, tmp_path: Path
) -> None:
    repository = pair.repository
    tls = tls_registry.setup.tls
    assert tls is not None
    secure = RegistryTools(tls_registry.url, tls=tls.client_context())
    secure.push(single_image(seed="tls"), f"{repository}/tls", "1")
    write_dir(single_image(seed="basic"), tmp_path / "basic")
    run_cli(
        *("copy", "--dest-tls-verify=false", f"--dest-creds={USER}:{PASSWORD}"),
        f"dir:{tmp_path}/basic",
        f"docker://{basic_registry.host}/{repository}/basic:1",
    )
    certificates = tls.write_certs_d(tmp_path / "certs")
    path = tmp_path / "sync.yaml"
    path.write_text(f"""
{tls_registry.host}:
  cert-dir: {certificates}
  images: {{{repository}/tls: []}}
{basic_registry.host}:
  tls-verify: false
  credentials: {{username: {USER}, password: {PASSWORD}}}
  images: {{{repository}/basic: ["1"]}}
""")
    arguments = ("sync", "-s", "yaml", "-d", "docker", "--dest-tls-verify=false", str(path))
    ended = run_cli(*arguments, f"{pair.second.host}/{repository}")
    assert ended.code == 0, ended.err
    assert pair.destination.holds(single_image(seed="tls"), f"{repository}/tls", "1")
    assert pair.destination.holds(single_image(seed="basic"), f"{repository}/basic", "1")
