"""Where images are read from: tables against the examples of containers-registries.conf(5)."""

from __future__ import annotations

import pytest

from regcopy.config.registries_conf import RegistriesConf, blocked, pull_endpoints
from regcopy.config.registries_conf_file import parse_registries_conf
from regcopy.errors import ConfigurationError
from regcopy.model.reference import ImageName

DIGEST = f"sha256:{'a' * 64}"

MANUAL = """
unqualified-search-registries = ["example.com"]

[[registry]]
prefix = "example.com/foo"
insecure = false
blocked = false
location = "internal-registry-for-example.com/bar"

[[registry.mirror]]
location = "example-mirror-0.local/mirror-for-foo"

[[registry.mirror]]
location = "example-mirror-1.local/mirrors/foo"
insecure = true

[[registry]]
location = "registry.com"

[[registry.mirror]]
location = "mirror.registry.com"
"""


def asked(name: str, conf: str) -> list[str]:
    """Places that are asked for an image, in their order; `!` marks insecure ones."""
    endpoints = pull_endpoints(ImageName.parse(name), parse_registries_conf(conf))
    return [f"{'!' * endpoint.insecure}{endpoint.name}" for endpoint in endpoints]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        (
            "example.com/foo/image:latest",
            [
                "example-mirror-0.local/mirror-for-foo/image:latest",
                "!example-mirror-1.local/mirrors/foo/image:latest",
                "internal-registry-for-example.com/bar/image:latest",
            ],
        ),
        (
            f"example.com/foo@{DIGEST}",
            [
                f"example-mirror-0.local/mirror-for-foo@{DIGEST}",
                f"!example-mirror-1.local/mirrors/foo@{DIGEST}",
                f"internal-registry-for-example.com/bar@{DIGEST}",
            ],
        ),
        ("registry.com/image:1", ["mirror.registry.com/image:1", "registry.com/image:1"]),
        ("example.com/food/image:1", ["example.com/food/image:1"]),
        ("example.com/fo:1", ["example.com/fo:1"]),
        ("other.com/example.com/foo:1", ["other.com/example.com/foo:1"]),
    ],
)
def test_the_example_of_the_manual(name: str, places: list[str]) -> None:
    assert asked(name, MANUAL) == places


@pytest.mark.parametrize(
    ("prefix", "location", "name", "place"),
    [
        ("example.com/foo", "int.example/bar", "example.com/foo/x:1", "int.example/bar/x:1"),
        ("example.com", "localhost:5000", "example.com/a/b:1", "localhost:5000/a/b:1"),
        ("example.com:5000", "m.example/p/", "example.com:5000/a:1", "m.example/p/a:1"),
        ("example.com/foo/", "m.example", "example.com/foo/a:1", "m.example/a:1"),
        ("example.com/a:1", "m.example/b:2", "example.com/a:1", "m.example/b:2"),
        ("docker.io/library", "m.example/hub", "busybox:1", "m.example/hub/busybox:1"),
        ("docker.io/busybox", "m.example/hub", "busybox:1", "docker.io/library/busybox:1"),
        ("docker.io", "m.example/hub", "team/app:1", "m.example/hub/team/app:1"),
        ("*.example.com", "m.example", "a.b.example.com/x:1", "m.example/x:1"),
        ("*.example.com", "m.example", "a.example.com:5000/x:1", "m.example:5000/x:1"),
        ("*.a.b", "m.example", "x.a.b.a.b/app:1", "m.example/app:1"),
        ("*.example.com", "m.example/p", "example.com/x:1", "example.com/x:1"),
        ("*.example.com", "m.example/p", "badexample.com/x:1", "badexample.com/x:1"),
        ("*.example.com", "m.example/p", "a.example.com.evil/x:1", "a.example.com.evil/x:1"),
        ("*.example.com", "m.example/p", "evil.org/a.example.com/x", "evil.org/a.example.com/x"),
    ],
)  # fmt: skip
def test_a_prefix_is_replaced_by_its_location(
    prefix: str, location: str, name: str, place: str
) -> None:
    conf = f'[[registry]]\nprefix = "{prefix}"\nlocation = "{location}"\n'
    assert asked(name, conf) == [place]


def test_a_wildcard_without_a_location_changes_no_name() -> None:
    conf = '[[registry]]\nprefix = "*.example.com"\ninsecure = true\n'
    assert asked("a.example.com/x:1", conf) == ["!a.example.com/x:1"]


def test_the_longest_prefix_counts_whatever_the_order() -> None:
    tables = [
        '[[registry]]\nprefix = "example.com"\nlocation = "one.example"\n',
        '[[registry]]\nprefix = "example.com/foo"\nlocation = "two.example"\n',
        '[[registry]]\nprefix = "example.com/foo/bar"\nlocation = "three.example"\n',
    ]
    for conf in ("".join(tables), "".join(reversed(tables))):
        assert asked("example.com/foo/bar/x:1", conf) == ["three.example/x:1"]
        assert asked("example.com/foo/x:1", conf) == ["two.example/x:1"]
        assert asked("example.com/x:1", conf) == ["one.example/x:1"]


@pytest.mark.parametrize(
    ("keys", "mirror_keys", "by_tag", "by_digest"),
    [
        ("", "", True, True),
        ("", 'pull-from-mirror = ""', True, True),
        ("", 'pull-from-mirror = "all"', True, True),
        ("", 'pull-from-mirror = "digest-only"', False, True),
        ("", 'pull-from-mirror = "tag-only"', True, False),
        ("mirror-by-digest-only = true", "", False, True),
        ("mirror-by-digest-only = false", 'pull-from-mirror = "tag-only"', True, False),
    ],
)
def test_a_mirror_is_asked_for_the_images_that_it_is_for(
    keys: str, mirror_keys: str, by_tag: bool, by_digest: bool
) -> None:
    conf = f'[[registry]]\nlocation = "r.example"\n{keys}\n'
    conf += f'[[registry.mirror]]\nlocation = "m.example"\n{mirror_keys}\n'
    assert ("m.example/x:1" in asked("r.example/x:1", conf)) is by_tag
    assert (f"m.example/x@{DIGEST}" in asked(f"r.example/x@{DIGEST}", conf)) is by_digest


def test_a_blocked_registry_is_refused() -> None:
    conf = parse_registries_conf('[[registry]]\nlocation = "r.example"\nblocked = true\n')
    (endpoint,) = pull_endpoints(ImageName.parse("r.example/x:1"), conf)
    assert endpoint.blocked_by is not None
    assert str(blocked(endpoint.blocked_by)).startswith("registry r.example is blocked")


def test_a_blocked_prefix_is_refused_although_its_location_is_elsewhere() -> None:
    text = '[[registry]]\nprefix = "r.example"\nlocation = "other.example"\nblocked = true\n'
    (endpoint,) = pull_endpoints(ImageName.parse("r.example/x:1"), parse_registries_conf(text))
    assert endpoint.blocked_by is not None


def test_the_mirrors_of_a_blocked_registry_are_read() -> None:
    text = '[[registry]]\nlocation = "r.example"\nblocked = true\n'
    text += '[[registry.mirror]]\nlocation = "m.example"\n'
    mirror, primary = pull_endpoints(ImageName.parse("r.example/x:1"), parse_registries_conf(text))
    assert (mirror.blocked_by, primary.blocked_by is not None) == (None, True)


def test_a_mirror_that_another_table_blocks_is_not_read() -> None:
    text = '[[registry]]\nlocation = "r.example"\n[[registry.mirror]]\nlocation = "m.example"\n'
    text += '[[registry]]\nlocation = "m.example"\nblocked = true\n'
    mirror, primary = pull_endpoints(ImageName.parse("r.example/x:1"), parse_registries_conf(text))
    assert (mirror.blocked_by is not None, primary.blocked_by) == (True, None)


@pytest.mark.parametrize("location", ["mirror/hub", "Mirror/UP", "m.example/Up", "docker.io"])
def test_a_location_that_makes_no_complete_name_is_an_error(location: str) -> None:
    conf = f'[[registry]]\nprefix = "r.example"\nlocation = "{location}"\n'
    with pytest.raises(ConfigurationError, match="makes no complete name"):
        asked("r.example/x:1", conf)


def test_without_any_table_a_name_stands_for_itself() -> None:
    name = ImageName.parse("busybox:1")
    (endpoint,) = pull_endpoints(name, RegistriesConf())
    assert (endpoint.name, endpoint.insecure, endpoint.is_mirror) == (name, False, False)
