"""Signatures of images in a real registry: beside it, on the web, and in the registry itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from regcopy.testing.samples import multi_platform_image, single_image, write_dir
from regcopy.trust.sigstore_keys import KeyPair, generate_key_pair
from tests.command_line import Ended, run_cli
from tests.registry_tools import RegistryTools
from tests.servers import Registry
from tests.signature_vectors import Keys
from tests.signing import Json, signed_by, sigstore_signed, write_policy
from tests.trust_programs import skopeo_with


@dataclass
class World:
    """A folder with images, a repository, and what registries.d says about it."""

    folder: Path
    keys: Keys
    registry: Registry
    repository: str

    @property
    def name(self) -> str:
        return f"{self.registry.host}/{self.repository}"

    def configure(self, **members: str) -> None:
        lines = "".join(f"  {key.replace('_', '-')}: {value}\n" for key, value in members.items())
        (self.folder / "registries.d").mkdir(exist_ok=True)
        (self.folder / "registries.d" / "all.yaml").write_text(f"default-docker:\n{lines}")

    def line(self, *arguments: str, policy: Path | None = None) -> tuple[str, ...]:
        which = ("--policy", str(policy)) if policy else ("--insecure-policy",)
        return (*which, "--registries.d", str(self.folder / "registries.d"), *arguments)

    def push(self, what: str, tag: str, *flags: str) -> Ended:
        target = f"docker://{self.name}:{tag}"
        source = f"dir:{self.folder / what}"
        copy = self.line("copy", "--dest-tls-verify=false", *flags, source, target)
        return run_cli(*copy, variables=self.keys.home.variables)

    def pull(self, tag: str, to: str, requirement: Json, *flags: str) -> Ended:
        policy = write_policy(
            self.folder / "policy.json", "reject", docker={self.registry.host: requirement}
        )
        copy = ("copy", "--src-tls-verify=false", *flags, f"docker://{self.name}:{tag}")
        line = self.line(*copy, f"dir:{self.folder / to}", policy=policy)
        return run_cli(*line, variables=self.keys.home.variables)

    def files(self, folder: str) -> list[str]:
        return [path.name for path in (self.folder / folder).rglob("*signature-*")]


@pytest.fixture
def world(tmp_path: Path, gpg_keys: Keys, registry: Registry, repository: str) -> World:
    write_dir(single_image(), tmp_path / "one")
    write_dir(multi_platform_image(), tmp_path / "four")
    made = World(tmp_path, gpg_keys, registry, repository)
    made.configure(lookaside=(tmp_path / "lookaside").as_uri(), use_sigstore_attachments="true")
    return made


@pytest.fixture
def good(gpg_keys: Keys) -> tuple[str, str]:
    """The flag that signs by a good key."""
    return ("--sign-by", gpg_keys.home.fingerprint("good"))


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    pytest.importorskip("nacl")
    return generate_key_pair(b"pass")


@pytest.fixture
def sigstore(pair: KeyPair, tmp_path: Path) -> tuple[str, ...]:
    """The flags that sign by a private key."""
    (tmp_path / "private").write_bytes(pair.private)
    (tmp_path / "passphrase").write_text("pass\n")
    return (
        "--sign-by-sigstore-private-key",
        str(tmp_path / "private"),
        "--sign-passphrase-file",
        str(tmp_path / "passphrase"),
    )


@pytest.fixture
def parameters(sigstore: tuple[str, ...], tmp_path: Path) -> tuple[str, str]:
    """The flag that names the same key and passphrase in a file."""
    file = tmp_path / "parameters.yaml"
    file.write_text(f"privateKeyFile: {sigstore[1]}\nprivateKeyPassphraseFile: {sigstore[3]}\n")
    return ("--sign-by-sigstore", str(file))


def test_a_file_of_parameters_signs_copies_and_what_is_synced(
    world: World, pair: KeyPair, parameters: tuple[str, str]
) -> None:
    assert world.push("one", "copied", *parameters).code == 0
    assert world.pull("copied", "pulled", sigstore_signed(pair.public)).code == 0
    flags = ("--src", "dir", "--dest", "docker", "--dest-tls-verify=false", *parameters)
    write_dir(single_image(), world.folder / "many" / "app:synced")
    line = world.line("sync", *flags, str(world.folder / "many"), world.name)
    assert run_cli(*line, variables=world.keys.home.variables).code == 0
    below = replace(world, repository=f"{world.repository}/app")
    assert below.pull("synced", "pulled-too", sigstore_signed(pair.public)).code == 0


def test_a_copy_is_signed_and_the_signature_demanded(world: World, good: tuple[str, str]) -> None:
    requirement = signed_by(world.keys.home.export("good"))
    assert world.push("one", "signed", *good).code == 0
    assert world.pull("signed", "pulled", requirement).code == 0
    assert world.files("pulled") == ["signature-1"]
    # The same manifest under another name is not what was signed.
    assert world.push("one", "other", "--remove-signatures").code == 0
    ended = world.pull("other", "refused", requirement)
    assert "Signature for identity" in ended.fatal
    assert not (world.folder / "refused").exists()


def test_the_key_must_be_the_one_of_the_policy(world: World, good: tuple[str, str]) -> None:
    assert world.push("one", "1", *good).code == 0
    ended = world.pull("1", "pulled", signed_by(world.keys.home.export("second")))
    assert "not trusted" in ended.fatal


def test_an_index_and_its_images_are_signed(world: World, good: tuple[str, str]) -> None:
    assert world.push("four", "1", "--all", *good).code == 0
    requirement = signed_by(world.keys.home.export("good"))
    assert world.pull("1", "all", requirement, "--all").code == 0
    assert len(world.files("all")) == 5
    assert world.pull("1", "one-of-them", requirement).code == 0
    assert world.files("one-of-them") == ["signature-1"]


def test_skopeo_accepts_what_we_sign_and_we_what_it_signs(
    world: World, good: tuple[str, str]
) -> None:
    variables = world.keys.home.variables
    requirement = signed_by(world.keys.home.export("good"))
    policy = write_policy(
        world.folder / "strict.json", "reject", docker={world.registry.host: requirement}
    )
    source, target = f"dir:{world.folder / 'four'}", f"docker://{world.name}"
    assert world.push("four", "ours", "--all", *good).code == 0
    pull = ("copy", "--src-tls-verify=false", "--all", f"{target}:ours")
    theirs = world.line(*pull, f"dir:{world.folder / 'theirs'}", policy=policy)
    assert skopeo_with(variables, *theirs).code == 0
    push = ("copy", "--dest-tls-verify=false", "--all", *good, source, f"{target}:theirs")
    assert skopeo_with(variables, *world.line(*push)).code == 0
    assert world.pull("theirs", "pulled", requirement, "--all").code == 0
    assert len(world.files("pulled")) == 5


def test_signatures_on_the_web_are_read(
    world: World, good: tuple[str, str], httpserver: HTTPServer
) -> None:
    assert world.push("one", "1", *good).code == 0
    (stored,) = (world.folder / "lookaside").rglob("signature-1")
    path = stored.relative_to(world.folder / "lookaside")
    httpserver.expect_request(f"/sig/{path}").respond_with_data(stored.read_bytes())
    httpserver.expect_request(f"/sig/{path.parent}/signature-2").respond_with_data("", 404)
    world.configure(lookaside=httpserver.url_for("/sig"))
    requirement = signed_by(world.keys.home.export("good"))
    assert world.pull("1", "pulled", requirement).code == 0
    assert world.files("pulled") == ["signature-1"]


def test_a_server_of_signatures_that_fails_is_no_reason_to_go_on(
    world: World, httpserver: HTTPServer
) -> None:
    assert world.push("one", "1").code == 0
    httpserver.expect_request(re.compile("^/sig/")).respond_with_data("", 403)
    world.configure(lookaside=httpserver.url_for("/sig"))
    ended = world.pull("1", "pulled", {"type": "insecureAcceptAnything"})
    assert f"reading {httpserver.url_for('/sig')}" in ended.fatal
    assert ended.fatal.endswith("signature-1: 403)")


def test_signatures_cannot_be_written_to_the_web(world: World, good: tuple[str, str]) -> None:
    world.configure(lookaside="https://sig.example.com")
    ended = world.push("one", "1", *good)
    assert "cannot be written to https://sig.example.com" in ended.fatal
    assert "lookaside-staging" in ended.hint


def test_sigstore_signatures_lie_in_the_registry(
    world: World, pair: KeyPair, sigstore: tuple[str, ...]
) -> None:
    assert world.push("four", "1", "--all", *sigstore).code == 0
    requirement = sigstore_signed(pair.public)
    assert world.pull("1", "pulled", requirement, "--all").code == 0
    assert len(world.files("pulled")) == 5
    tools = RegistryTools(world.registry.url)
    assert sum(tag.endswith(".sig") for tag in tools.tags(world.repository)) == 5


def test_sigstore_signatures_travel_with_the_image(
    world: World, pair: KeyPair, sigstore: tuple[str, ...]
) -> None:
    assert world.push("one", "1", *sigstore).code == 0
    requirement = sigstore_signed(pair.public)
    assert world.pull("1", "pulled", requirement).code == 0
    world.repository = f"{world.repository}/second"
    assert world.push("pulled", "1").code == 0
    named = f"{world.name.removesuffix('/second')}:1"
    identity: Json = {"type": "exactReference", "dockerReference": named}
    assert world.pull("1", "again", sigstore_signed(pair.public, identity)).code == 0
    assert "is not accepted" in world.pull("1", "no", requirement).fatal


def test_where_attachments_are_off_there_are_none(
    world: World, pair: KeyPair, sigstore: tuple[str, ...]
) -> None:
    assert world.push("one", "1", *sigstore).code == 0
    world.configure(use_sigstore_attachments="false")
    ended = world.pull("1", "pulled", sigstore_signed(pair.public))
    assert "no signature exists" in ended.fatal
    assert "disabled by configuration" in world.push("one", "2", *sigstore).fatal


def test_a_signature_that_the_registry_holds_for_another_digest_is_refused(
    world: World, pair: KeyPair, sigstore: tuple[str, ...], copy_tag: Callable[[str, str], None]
) -> None:
    assert world.push("one", "1", *sigstore).code == 0
    write_dir(single_image(seed="other"), world.folder / "other")
    assert world.push("other", "1").code == 0
    digests = [single_image(seed=seed).digest.hex for seed in ("sample", "other")]
    copy_tag(*(f"sha256-{digest}.sig" for digest in digests))
    ended = world.pull("1", "pulled", sigstore_signed(pair.public))
    assert "Signature for digest" in ended.fatal


@pytest.fixture
def copy_tag(world: World) -> Callable[[str, str], None]:
    """Give what a tag names another tag."""

    def copy(old: str, new: str) -> None:
        source, target = (f"docker://{world.name}:{tag}" for tag in (old, new))
        flags = ("--src-tls-verify=false", "--dest-tls-verify=false", "--remove-signatures")
        assert run_cli("--insecure-policy", "copy", *flags, source, target).code == 0

    return copy
