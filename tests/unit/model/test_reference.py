"""Names of images in registries, by the grammar of distribution/reference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import InvalidReference
from regcopy.model.digest import Digest
from regcopy.model.reference import ImageName, is_tag
from tests.growth import TOO_FAST, growth

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag"),
    [
        ("busybox", "docker.io", "library/busybox", ""),
        ("busybox:1.36", "docker.io", "library/busybox", "1.36"),
        ("docker.io/busybox", "docker.io", "library/busybox", ""),
        ("index.docker.io/busybox", "docker.io", "library/busybox", ""),
        ("index.docker.io/a/b", "docker.io", "a/b", ""),
        ("user/app", "docker.io", "user/app", ""),
        ("localhost/app", "localhost", "app", ""),
        ("localhost:5000/app:1", "localhost:5000", "app", "1"),
        ("host:5000", "docker.io", "library/host", "5000"),
        ("example.com/a/b/c:x_1.2-3", "example.com", "a/b/c", "x_1.2-3"),
        ("Registry/app", "Registry", "app", ""),
        ("127.0.0.1:5000/app", "127.0.0.1:5000", "app", ""),
        ("[::1]:5000/app:1", "[::1]:5000", "app", "1"),
        ("[fe80::1]/app", "[fe80::1]", "app", ""),
        ("xn--n3h.com/app", "xn--n3h.com", "app", ""),
        ("a.b/c.d/e__f-g---h.i", "a.b", "c.d/e__f-g---h.i", ""),
        ("a.b/c:_tag", "a.b", "c", "_tag"),
        ("a.b/c:" + "t" * 128, "a.b", "c", "t" * 128),
    ],
)
def test_a_name_is_taken_apart(text: str, registry: str, repository: str, tag: str) -> None:
    assert ImageName.parse(text) == ImageName(registry, repository, tag)


def test_a_name_may_have_a_tag_and_a_digest() -> None:
    name = ImageName.parse(f"example.com/app:1@{DIGEST}")

    assert (name.tag, name.digest) == ("1", Digest.parse(DIGEST))
    assert str(name) == f"example.com/app:1@{DIGEST}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        f"@{DIGEST}",
        "/app",
        "app/",
        "a//b",
        "app:",
        "app:tag:tag",
        "app:-tag",
        "app:.tag",
        "app:t/g",
        "app:" + "t" * 129,
        "app@sha256:abc",
        "app@sha256:../../x",
        f"app@{DIGEST}@{DIGEST}",
        f"app@{DIGEST.upper()}",
        "a b/c",
        "example.com/App",
        "example.com/a/../b",
        "example.com/./b",
        "example.com/-a",
        "example.com/a-",
        "example.com/a___b",
        "example.com/a..b",
        "example.com/a._b",
        "-example.com/a",
        "example-.com/a",
        "example..com/a",
        "example.com./a",
        "exam_ple.com/a",
        "user@example.com/a",
        "https://example.com/a",
        "example.com:/a",
        "example.com:port/a",
        "example.com:123456/a",
        "[::1/a",
        "::1/a",
        "[fe80::1%eth0]/a",
        "example.com/a?b",
        "example.com/a#b",
        "example.com/a%2e%2e",
        "example.com/é",
        "ex٣mple.com/a",
        "app\n",
        "app:tag\n",
        "app\0",
        "example.com/" + "a" * 256,
        "a" * 1025,
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference, match="invalid reference"):
        ImageName.parse(text)


def test_capitals_in_a_repository_are_called_by_their_name() -> None:
    with pytest.raises(InvalidReference, match="must be lowercase"):
        ImageName.parse("example.com/App")


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("busybox:1", "busybox:1"),
        ("docker.io/library/busybox", "busybox"),
        ("docker.io/user/app", "user/app"),
        ("example.com/library/app", "example.com/library/app"),
        ("docker.io/library/a/b", "library/a/b"),
        ("docker.io/localhost/app", "docker.io/localhost/app"),
        ("docker.io/example.com/app", "docker.io/example.com/app"),
    ],
)
def test_a_familiar_name_is_short_where_docker_would_know_it(text: str, familiar: str) -> None:
    assert ImageName.parse(text).familiar == familiar


def test_latest_is_added_only_where_nothing_is_said() -> None:
    assert ImageName.parse("app").with_default_tag().tag == "latest"
    assert ImageName.parse("app:1").with_default_tag().tag == "1"
    assert ImageName.parse(f"app@{DIGEST}").with_default_tag().tag == ""


def test_another_tag_takes_the_place_of_tag_and_digest() -> None:
    assert str(ImageName.parse(f"a.b/c:1@{DIGEST}").with_tag("2")) == "a.b/c:2"
    with pytest.raises(InvalidReference, match="not a tag"):
        ImageName.parse("a.b/c").with_tag("../2")


LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?"
COMPONENT = r"[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}"
NAMES = st.from_regex(
    rf"{LABEL}\.{LABEL}(?::[0-9]{{1,5}})?(?:/{COMPONENT}){{1,4}}"
    rf"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,20}})?(?:@{DIGEST})?",
    fullmatch=True,
).filter(lambda text: not text.startswith(("docker.io/", "index.docker.io/")))


@settings(deadline=None)
@given(NAMES)
def test_a_full_name_prints_as_it_is_parsed(text: str) -> None:
    assert str(ImageName.parse(text)) == text


@settings(deadline=None)
@given(st.text())
def test_any_text_is_refused_or_prints_as_a_name_again(text: str) -> None:
    try:
        name = ImageName.parse(text)
    except InvalidReference:
        return
    assert ImageName.parse(str(name)) == name
    assert ImageName.parse(name.familiar) == name


@settings(deadline=None)
@given(st.text(max_size=140))
def test_a_tag_is_safe_in_an_address_and_in_a_path(text: str) -> None:
    if is_tag(text):
        assert text.isascii()
        assert not set(text) & set("/\\?#%:@\0 ")
        assert text not in (".", "..")


@pytest.mark.parametrize(
    "filler", ["a", "a.", "a-", "a_", "_", "/", "a/", ":", "@", "[", "[:", ".", "A", "1."]
)
def test_a_long_text_is_refused_without_much_work(filler: str) -> None:
    def parse(text: str) -> None:
        with pytest.raises(InvalidReference):
            ImageName.parse(text)

    assert growth(parse, lambda size: filler * (size // len(filler))) < TOO_FAST


@pytest.mark.parametrize("filler", ["a", "a.", "a-", "a__", "-"])
def test_a_text_just_under_the_limit_is_refused_and_does_not_run_away(filler: str) -> None:
    # Here the expressions do their work; one that backtracks without end meets the time limit.
    long = (filler * 1000)[:1000]

    for text in (f"example.com/{long}!", f"{long}./a"):
        with pytest.raises(InvalidReference):
            ImageName.parse(text)
