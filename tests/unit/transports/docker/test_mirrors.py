"""Mirrors of registries.conf: who is asked, in which order, with what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from regcopy.auth.chain import keychain_for
from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError, NotFound, TlsFailed, UsageError
from regcopy.model.digest import Digest
from regcopy.streams.resources import Resources
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.transports import parse_reference
from regcopy.transports.abilities import FindsTags, ListsReferrers, ListsTags
from regcopy.transports.base import (
    Context,
    ImageSource,
    SideOptions,
)
from regcopy.trust.attachments import read_attachments, write_attachments
from regcopy.trust.signatures import SigstoreSignature
from tests.conftest import Keep
from tests.contexts import make_context
from tests.docker_tools import describe, read_all
from tests.fake_registry import Exchange, FakeRegistry
from tests.faults import cut_body, refuse
from tests.referrers import entry_of, index_of, referrer, tag_of

NAME = "registry.example/team/app:1"
NOBODY = "127.0.0.1:1"


@dataclass
class World:
    """A registry that lies at `home`, and a mirror of it."""

    folder: Path
    home: FakeRegistry
    mirror: FakeRegistry
    keep: Keep
    context: Context = field(default_factory=lambda: make_context(options=SideOptions()))

    def write(self, *mirrors: str, keys: str = "insecure = true") -> None:
        """Write registries.conf: registry.example lies at `home`, and has these mirrors."""
        path = self.folder / "registries.conf"
        text = '[[registry]]\nprefix = "registry.example"\n'
        text += f'location = "{self.home.host}/at-home"\n{keys}\n'
        text += "".join(f"[[registry.mirror]]\n{mirror}\n" for mirror in mirrors)
        path.write_text(text)
        self.change(environment=Environment({"CONTAINERS_REGISTRIES_CONF": str(path)}))

    def mirrored(self, host: str = "", more: str = "insecure = true") -> str:
        """Keys of a mirror."""
        return f'location = "{host or self.mirror.host}/mirrored"\n{more}'

    def change(self, **changes: object) -> None:
        """Change the context of all that is opened later."""
        self.context = self.keep(replace(self.context, **changes))  # type: ignore[arg-type]

    def open(self, name: str = NAME) -> ImageSource:
        """Open an image for reading."""
        return parse_reference(f"docker://{name}").open_source(self.context)


@pytest.fixture
def world(tmp_path: Path, fake: FakeRegistry, keep: Keep) -> Iterator[World]:
    """A registry with one mirror; both are insecure in registries.conf, and empty."""
    with FakeRegistry() as mirror:
        world = World(tmp_path, fake, mirror, keep)
        world.write(world.mirrored())
        yield world


def hold(world: World, *places: FakeRegistry) -> None:
    for place in places:
        place.hold(
            single_image(), "at-home/team/app" if place is world.home else "mirrored/team/app", "1"
        )


def test_a_mirror_that_has_the_image_is_read_and_nobody_else(world: World) -> None:
    hold(world, world.home, world.mirror)
    source = world.open()
    assert source.get_manifest() == single_image().top
    for content in single_image().blobs.values():
        assert read_all(source.open_blob(describe(content))) == content
    assert len(world.mirror.seen) == 1 + len(single_image().blobs)
    assert world.home.seen == []


def test_a_mirror_that_lacks_the_image_is_passed_over(world: World) -> None:
    hold(world, world.home)
    assert world.open().get_manifest() == single_image().top
    assert [len(place.seen) for place in (world.mirror, world.home)] == [1, 1]


def test_a_mirror_that_is_down_is_asked_once(world: World) -> None:
    hold(world, world.home)
    world.write(world.mirrored(NOBODY), world.mirrored())
    world.mirror.on("GET", "manifests", refuse(503), forever=True)
    assert world.open().get_manifest() == single_image().top
    assert len(world.mirror.seen) == 1


def test_a_mirror_that_refuses_is_passed_over_and_left(world: World) -> None:
    hold(world, world.home, world.mirror)
    world.mirror.on("GET", "manifests", refuse(403))
    source = world.open()
    source.get_manifest()
    read_all(source.open_blob(describe(next(iter(single_image().blobs.values())))))
    assert [e.path for e in world.mirror.seen] == ["/v2/mirrored/team/app/manifests/1"]


def test_a_mirror_with_wrong_bytes_for_a_digest_is_passed_over(world: World) -> None:
    image, other = single_image(), single_image(seed="other")
    world.home.hold(image, "at-home/team/app")
    world.mirror.manifests["mirrored/team/app", str(image.digest)] = other.top
    source = world.open(f"registry.example/team/app@{image.digest}")
    assert source.get_manifest() == image.top


def test_mirrors_are_asked_in_their_order(world: World) -> None:
    with FakeRegistry() as second:
        world.write(world.mirrored(second.host), world.mirrored())
        hold(world, second, world.mirror)
        world.open().get_manifest()
        assert (len(second.seen), len(world.mirror.seen)) == (1, 0)


def test_what_a_mirror_lacks_of_an_index_comes_from_the_registry_itself(world: World) -> None:
    image = multi_platform_image()
    world.home.hold(image, "at-home/team/app", "1")
    world.mirror.hold(image, "mirrored/team/app", "1")
    child = image.children[0]
    del world.mirror.manifests["mirrored/team/app", str(child.digest)]
    source = world.open()
    source.get_manifest()
    assert source.get_manifest(child.descriptor()) == child


def test_a_blob_that_a_mirror_lacks_comes_from_the_registry_itself(world: World) -> None:
    hold(world, world.home, world.mirror)
    content = max(single_image().blobs.values(), key=len)
    del world.mirror.blobs["mirrored/team/app", Digest.of(content)]
    source = world.open()
    source.get_manifest()
    assert read_all(source.open_blob(describe(content))) == content


def test_a_blob_that_a_mirror_breaks_off_for_good_goes_on_elsewhere(world: World) -> None:
    content = bytes(range(256)) * 4096
    world.home.hold_blob(content, "at-home/team/app")
    world.mirror.hold_blob(content, "mirrored/team/app")
    hold(world, world.home, world.mirror)
    world.mirror.on("GET", "blobs", cut_body(100_000), refuse(503), forever=True)
    source = world.open()
    source.get_manifest()
    assert read_all(source.open_blob(describe(content))) == content
    (asked,) = world.home.asked("GET", "blobs")
    assert asked.headers["range"].startswith("bytes=")


def test_where_all_fail_the_error_is_the_last_place_s_and_tells_of_all(world: World) -> None:
    world.write(world.mirrored(NOBODY), world.mirrored())
    with pytest.raises(NotFound) as caught:
        world.open().get_manifest()
    for place in (f"{world.home.host}/at-home/", NOBODY, f"{world.mirror.host}/mirrored/"):
        assert place in str(caught.value)


def test_a_credential_from_the_command_line_goes_to_no_mirror(world: World) -> None:
    hold(world, world.home)
    world.change(keychain=FixedKeychain(Credential(registry_token="secret")))
    world.write(world.mirrored())
    world.open().get_manifest()
    assert "authorization" not in world.mirror.seen[0].headers


def test_a_credential_goes_to_the_registry_that_it_was_given_for(world: World) -> None:
    path = world.folder / "own.conf"
    host = world.home.host
    path.write_text(
        f'[[registry]]\nlocation = "{host}"\ninsecure = true\n'
        f"[[registry.mirror]]\n{world.mirrored()}\n"
    )
    world.home.hold(single_image(), "team/app", "1")
    world.change(
        keychain=FixedKeychain(Credential(registry_token="secret")),
        environment=Environment({"CONTAINERS_REGISTRIES_CONF": str(path)}),
    )
    world.open(f"{host}/team/app:1").get_manifest()
    assert world.home.seen[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in world.mirror.seen[0].headers


def challenge(exchange: Exchange) -> bool:
    """Ask for a user name and password, unless they are there."""
    if "authorization" in exchange.headers:
        return False
    exchange.error(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="x"'})
    return True


def test_a_mirror_s_own_credentials_come_from_the_auth_file(world: World) -> None:
    hold(world, world.mirror)
    authfile = world.folder / "auth.json"
    auth = base64.b64encode(b"mirror:password").decode()
    authfile.write_text(json.dumps({"auths": {world.mirror.host: {"auth": auth}}}))
    world.mirror.on("GET", "manifests", challenge, forever=True)
    given = Credential("somebody", "else")
    world.change(keychain=keychain_for(given, False, str(authfile), Environment({})))
    world.write(world.mirrored())
    world.open().get_manifest()
    assert world.mirror.seen[-1].headers["authorization"] == f"Basic {auth}"


def test_a_mirror_is_insecure_only_where_the_file_says_so(world: World) -> None:
    hold(world, world.mirror)
    world.change(options=SideOptions(tls_verify=False))
    world.write(world.mirrored(more=""), keys="")
    with pytest.raises(NotFound, match="does not speak TLS"):
        world.open().get_manifest()
    assert world.mirror.seen == []


def test_who_demands_verification_gets_it_of_mirrors_too(world: World) -> None:
    hold(world, world.home, world.mirror)
    world.change(options=SideOptions(tls_verify=True))
    with pytest.raises(TlsFailed, match="does not speak TLS"):
        world.open().get_manifest()
    assert (world.home.seen, world.mirror.seen) == ([], [])


def test_a_blocked_registry_is_neither_read_nor_written_nor_listed(world: World) -> None:
    world.write(keys="blocked = true")
    place = parse_reference(f"docker://{NAME}")
    assert isinstance(place, ListsTags)
    with pytest.raises(UsageError, match=r"registry\.example is blocked in .*registries\.conf"):
        place.open_source(world.context)
    with pytest.raises(UsageError, match="blocked"):
        place.open_destination(world.context)
    with pytest.raises(UsageError, match="blocked"):
        list(place.list_tags(world.context))
    assert world.home.seen == []


def test_mirrors_of_a_blocked_registry_are_read_and_it_is_not(world: World) -> None:
    hold(world, world.home, world.mirror)
    world.write(world.mirrored(), keys="insecure = true\nblocked = true")
    assert world.open().get_manifest() == single_image().top
    with pytest.raises(UsageError, match=r"blocked.*mirrors failed too"):
        world.open("registry.example/team/app:missing").get_manifest()
    assert world.home.seen == []


def test_a_destination_is_not_redirected(world: World) -> None:
    path = world.folder / "own.conf"
    path.write_text(
        f'[[registry]]\nprefix = "{world.home.host}"\nlocation = "{world.mirror.host}"\n'
        "insecure = true\n"
    )
    world.change(environment=Environment({"CONTAINERS_REGISTRIES_CONF": str(path)}))
    place = parse_reference(f"docker://{world.home.host}/team/app:1")
    with place.open_destination(world.context) as destination:
        destination.put_manifest(single_image().top, top=True)
        destination.commit()
    assert world.home.manifests["team/app", "1"] == single_image().top
    assert world.mirror.seen == []


def test_a_broken_file_is_told_before_anything_is_asked(world: World) -> None:
    world.write()
    (world.folder / "registries.conf").write_text("[[registry")
    with pytest.raises(ConfigurationError, match="loading registries configuration"):
        world.open()


def test_what_is_attached_to_an_image_may_be_at_home_alone(world: World) -> None:
    hold(world, world.home, world.mirror)
    subject = single_image().top
    artifact = referrer(subject, "signature")
    index = index_of([entry_of(artifact)])
    world.home.manifests["at-home/team/app", tag_of(subject.digest)] = index
    world.home.hold(artifact, "at-home/team/app", tag_of(subject.digest, ".sig"))
    with world.open() as source:
        source.get_manifest()
        assert isinstance(source, ListsReferrers)
        assert isinstance(source, FindsTags)
        assert [one.digest for one in source.list_referrers(subject.digest)] == [artifact.digest]
        assert source.find_tag(tag_of(subject.digest, ".sig")) == artifact.digest
        assert source.find_tag(tag_of(subject.digest, ".att")) is None
        assert source.list_referrers(artifact.digest) == ()


def test_signatures_are_added_to_those_that_the_place_itself_has(world: World) -> None:
    image = parse_reference(f"docker://{world.home.host}/app:1")
    subject = Digest.of(b"manifest")
    one, two, three = (SigstoreSignature("a/type", text, {}) for text in (b"one", b"two", b"three"))
    world.change(side="destination", environment=Environment({}), options=make_context().options)
    write_attachments(image, subject, [one], world.context)
    world.mirror.blobs |= world.home.blobs  # and from here on it is behind
    world.mirror.manifests |= world.home.manifests
    write_attachments(image, subject, [two], world.context)
    conf = world.folder / "own.conf"
    conf.write_text(
        f'[[registry]]\nlocation = "{world.home.host}"\n'
        f'[[registry.mirror]]\nlocation = "{world.mirror.host}"\ninsecure = true\n'
    )

    behind = replace(
        world.context,
        environment=Environment({"CONTAINERS_REGISTRIES_CONF": str(conf)}),
        resources=Resources(),
    )
    write_attachments(image, subject, [three], world.keep(behind))

    assert read_attachments(image, subject, world.context) == (one, two, three)
