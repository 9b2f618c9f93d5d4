"""`atomic:`: its grammar, the cluster's token, and signatures that the registry keeps."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.api import Access, copy, get_manifest
from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain, Keychain
from regcopy.config.environment import Environment
from regcopy.errors import InvalidReference, ManifestInvalid, RegcopyError, UsageError
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName
from regcopy.testing.samples import single_image, write_dir
from regcopy.transports.base import Context, SideOptions
from regcopy.transports.docker.atomic import TRANSPORT, AtomicReference
from regcopy.transports.docker.atomic_places import AtomicSource, with_cluster_login
from tests.clusters import CONFIG
from tests.contexts import make_context
from tests.fake_registry import Exchange, FakeRegistry
from tests.faults import refuse, reset

IMAGE = single_image()
# The head of an OpenPGP signature packet, which is all that copying looks at.
SIGNATURE = b"\x88\x5e\x04\x00 no real one"


def parse(text: str) -> AtomicReference:
    reference = TRANSPORT.parse(text)
    assert isinstance(reference, AtomicReference)
    return reference


def test_an_image_is_a_tag_of_a_stream() -> None:
    reference = parse("host.example:5000/ns/stream:1")

    assert str(reference) == "atomic:host.example:5000/ns/stream:1"
    assert reference.docker.repository == "ns/stream"
    assert reference.repository_name == "host.example:5000/ns/stream"
    assert reference.policy_identity == "host.example:5000/ns/stream:1"
    assert "host.example:5000/ns" in reference.policy_namespaces
    assert str(reference.with_tag("2")) == "atomic:host.example:5000/ns/stream:2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host.example/ns/stream",
        "host.example/stream:1",
        "host.example/a/b/c:1",
        "Host/NS/x:1",
        f"host.example/ns/stream@sha256:{'a' * 64}",
        f"host.example/ns/stream:1@sha256:{'a' * 64}",
    ],
)
def test_what_is_no_tag_of_a_stream_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference, match="image reference"):
        parse(text)


class Nobody:
    """A keychain of files that have nothing."""

    def find(self, _registry: str, _repository: str, /) -> Credential | None:
        return None


class Somebody:
    """A keychain of files that have a credential for everybody."""

    def find(self, _registry: str, _repository: str, /) -> Credential | None:
        return Credential("file", "x")


def context_with(folder: Path, keychain: Keychain, *, token_hosts: tuple[str, ...] = ()) -> Context:
    (folder / "config").write_text(CONFIG)
    options = SideOptions(tls_verify=False, token_hosts=token_hosts)
    return replace(
        make_context(options=options),
        keychain=keychain,
        environment=Environment({"KUBECONFIG": str(folder / "config")}),
    )


def credential_for(registry: str, context: Context) -> Credential | None:
    name = ImageName.parse(f"{registry}/ns/app:1")
    return with_cluster_login(name, context).keychain.find(registry, "ns/app")


@pytest.mark.parametrize(
    ("registry", "is_known"),
    [
        ("registry.apps.cluster.example.com", True),
        ("registry.example.com:5000", True),
        ("registry.example.org", False),
        ("example.com.evil.example.org", False),
        ("localhost:5000", False),
        ("10.0.0.1:5000", False),
        ("docker.io", False),
    ],
)
def test_the_clusters_token_opens_registries_of_its_domain(
    tmp_path: Path, registry: str, is_known: bool
) -> None:
    found = credential_for(registry, context_with(tmp_path, Nobody()))

    assert (found is not None) == is_known
    assert found is None or found.password == "sha256~secret"


def test_a_registry_of_another_domain_can_be_named(tmp_path: Path) -> None:
    context = context_with(tmp_path, Nobody(), token_hosts=("10.0.0.1:5000",))

    assert credential_for("10.0.0.1:5000", context) is not None
    assert credential_for("10.0.0.2:5000", context) is None


def test_the_token_is_for_one_registry_only(tmp_path: Path) -> None:
    name = ImageName.parse("registry.example.com/ns/app:1")
    keychain = with_cluster_login(name, context_with(tmp_path, Nobody())).keychain

    assert keychain.find("mirror.example.com", "ns/app") is None


@pytest.mark.parametrize(
    ("keychain", "user"), [(Somebody(), "file"), (FixedKeychain(Credential("flag", "x")), "flag")]
)
def test_files_and_flags_count_more_than_the_token(
    tmp_path: Path, keychain: Keychain, user: str
) -> None:
    found = credential_for("registry.example.com", context_with(tmp_path, keychain))

    assert found is not None
    assert found.username == user


def test_who_wants_no_credential_gets_none(tmp_path: Path) -> None:
    context = context_with(tmp_path, FixedKeychain(None))

    assert credential_for("registry.example.com", context) is None


def test_the_token_is_sent_where_the_registry_asks_for_it(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.hold(IMAGE, "ns/app", "1")
    fake.on("GET", "/manifests/", refuse(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"'))
    context = context_with(tmp_path, Nobody(), token_hosts=(fake.host,))
    try:
        with parse(f"{fake.host}/ns/app:1").open_source(context) as source:
            assert source.get_manifest() == IMAGE.top
    finally:
        context.resources.close()

    sent = fake.asked("GET", "/manifests/")[-1].headers["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"unused:sha256~secret"


class Keeper:
    """Signatures that a fake registry keeps, by digest."""

    def __init__(self, fake: FakeRegistry) -> None:
        self.kept: dict[str, list[dict[str, object]]] = {}
        self.had_manifest: list[bool] = []
        self._fake = fake
        fake.on("GET", "^/v2/$", self._supports, forever=True)
        fake.on("GET", "^/extensions/", self._list, forever=True)
        fake.on("PUT", "^/extensions/", self._take, forever=True)

    def keep(self, digest: Digest, **entry: object) -> None:
        content = base64.b64encode(SIGNATURE).decode()
        self.kept.setdefault(str(digest), []).append(
            {"schemaVersion": 2, "name": "x", "type": "atomic", "content": content, **entry}
        )

    def _supports(self, exchange: Exchange) -> bool:
        exchange.answer(200, b"{}", {"X-Registry-Supports-Signatures": "1"})
        return True

    def _digest(self, exchange: Exchange) -> str:
        found = re.fullmatch(r"/extensions/v2/ns/app/signatures/(.+)", exchange.path)
        assert found
        return found[1]

    def _list(self, exchange: Exchange) -> bool:
        document = {"signatures": self.kept.get(self._digest(exchange), [])}
        exchange.answer(200, json.dumps(document).encode())
        return True

    def _take(self, exchange: Exchange) -> bool:
        digest = self._digest(exchange)
        self.had_manifest.append(("ns/app", digest) in self._fake.manifests)
        self.kept.setdefault(digest, []).append(json.loads(b"".join(exchange.body())))
        exchange.answer(201)
        return True


@pytest.fixture
def keeper(fake: FakeRegistry) -> Keeper:
    """The signatures of `fake`."""
    return Keeper(fake)


@pytest.fixture
def signatures(fake: FakeRegistry) -> Iterator[Callable[[], list[bytes]]]:
    """Read the signatures of the image."""
    context = make_context()
    fake.hold(IMAGE, "ns/app", "1")
    with parse(f"{fake.host}/ns/app:1").open_source(context) as source:
        assert isinstance(source, AtomicSource)
        yield lambda: list(source.get_signatures())
    context.resources.close()


def test_signatures_are_read_from_the_registry(
    keeper: Keeper, signatures: Callable[[], list[bytes]]
) -> None:
    keeper.keep(IMAGE.digest)
    keeper.keep(IMAGE.digest, type="other")
    keeper.keep(IMAGE.digest, schemaVersion=1)

    assert signatures() == [SIGNATURE]


def test_a_registry_that_keeps_none_is_not_asked_for_any(
    fake: FakeRegistry, signatures: Callable[[], list[bytes]]
) -> None:
    assert signatures() == []
    assert fake.asked("GET", "/extensions/") == []


@pytest.mark.parametrize("change", [{"content": "*"}, {"content": 1}, {"schemaVersion": "2"}])
def test_a_broken_list_of_signatures_is_refused(
    keeper: Keeper, signatures: Callable[[], list[bytes]], change: dict[str, object]
) -> None:
    keeper.keep(IMAGE.digest, **change)
    with pytest.raises(ManifestInvalid):
        signatures()


def signed_folder(folder: Path) -> str:
    write_dir(IMAGE, folder / "image")
    (folder / "image" / "signature-1").write_bytes(SIGNATURE)
    return f"dir:{folder}/image"


ACCESS = Access(options=SideOptions(tls_verify=False))


def test_signatures_are_written_before_the_tag(
    fake: FakeRegistry, keeper: Keeper, tmp_path: Path
) -> None:
    name = f"atomic:{fake.host}/ns/app:1"
    copy(signed_folder(tmp_path), name, destination_access=ACCESS)

    (kept,) = keeper.kept[str(IMAGE.digest)]
    assert base64.b64decode(str(kept["content"])) == SIGNATURE
    assert re.fullmatch(rf"{IMAGE.digest}@[0-9a-f]{{32}}", str(kept["name"]))
    assert keeper.had_manifest == [True]
    paths = [entry.path for entry in fake.asked("PUT") if "blobs" not in entry.path]
    assert [path.rpartition("/")[2] for path in paths] == [str(IMAGE.digest)] * 2 + ["1"]
    assert get_manifest(name, access=ACCESS) == IMAGE.top


def test_signatures_that_are_there_are_not_written_again(
    keeper: Keeper, fake: FakeRegistry, tmp_path: Path
) -> None:
    keeper.keep(IMAGE.digest)
    copy(signed_folder(tmp_path), f"atomic:{fake.host}/ns/app:1", destination_access=ACCESS)

    assert len(keeper.kept[str(IMAGE.digest)]) == 1


def test_a_signature_that_is_there_by_a_try_whose_answer_was_lost_is_no_conflict(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.on("PUT", "^/extensions/", reset(), refuse(409, "SIGNATURE_EXISTS"))
    Keeper(fake)
    copy(signed_folder(tmp_path), f"atomic:{fake.host}/ns/app:1", destination_access=ACCESS)

    assert fake.manifests["ns/app", "1"] == IMAGE.top


def test_signatures_come_back_with_the_image(
    keeper: Keeper, fake: FakeRegistry, tmp_path: Path
) -> None:
    keeper.keep(IMAGE.digest)
    fake.hold(IMAGE, "ns/app", "1")
    copy(f"atomic:{fake.host}/ns/app:1", f"dir:{tmp_path}/out", source_access=ACCESS)

    assert (tmp_path / "out" / "signature-1").read_bytes() == SIGNATURE


def test_a_registry_that_keeps_none_takes_no_signed_image(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="keeps no signatures"):
        copy(signed_folder(tmp_path), f"atomic:{fake.host}/ns/app:1", destination_access=ACCESS)
    assert ("ns/app", "1") not in fake.manifests


def test_an_image_that_is_not_signed_needs_no_keeper(fake: FakeRegistry, tmp_path: Path) -> None:
    write_dir(IMAGE, tmp_path / "image")
    copy(f"dir:{tmp_path}/image", f"atomic:{fake.host}/ns/app:1", destination_access=ACCESS)

    assert fake.manifests["ns/app", "1"] == IMAGE.top
    assert fake.asked("GET", "/extensions/") == []


def test_a_signature_that_is_refused_keeps_the_tag_away(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.on("PUT", "^/extensions/", refuse(403), forever=True)
    Keeper(fake)
    with pytest.raises(RegcopyError, match="denied"):
        copy(signed_folder(tmp_path), f"atomic:{fake.host}/ns/app:1", destination_access=ACCESS)
    assert ("ns/app", "1") not in fake.manifests
