"""The small part of YAML that registries.d needs, and nothing more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.config.plain_yaml import parse_mapping
from regcopy.errors import ConfigurationError
from tests.growth import TOO_FAST, growth


def test_mappings_of_mappings() -> None:
    text = """\
# where signatures are

docker:
  registry.example.com:5000/team:   # with a port
    lookaside: https://sig.example.com:8080/x   # and a comment
    lookaside-staging: "file:///srv/sig nature"
  '*.example.com':
    use-sigstore-attachments: true
default-docker:
    lookaside: file:///var/lib/sig#nature
"""
    assert parse_mapping(text, what="f") == {
        "docker": {
            "registry.example.com:5000/team": {
                "lookaside": "https://sig.example.com:8080/x",
                "lookaside-staging": "file:///srv/sig nature",
            },
            "*.example.com": {"use-sigstore-attachments": "true"},
        },
        "default-docker": {"lookaside": "file:///var/lib/sig#nature"},
    }


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("# only a comment\n\n", {}),
        ("---\na: b\n", {"a": "b"}),
        ("a: b", {"a": "b"}),
        ("a: ~\nb: null\nc:\n", {"a": None, "b": None, "c": {}}),
        ("a: {}\nb: 1\n", {"a": {}, "b": "1"}),
        ("a:\n  b: c\nd: e\n", {"a": {"b": "c"}, "d": "e"}),
        ("  a: b\n  c: d\n", {"a": "b", "c": "d"}),
        ("a:\n    b:\n        c: d\n    e: f\n", {"a": {"b": {"c": "d"}, "e": "f"}}),
        ('"a b": c\n', {"a b": "c"}),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
        ("\ufeffa: b\n", {"a": "b"}),
    ],
)
def test_a_document(text: str, members: dict[str, object]) -> None:
    assert parse_mapping(text, what="f") == members


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("just text\n", 1),
        ("- a\n", 1),
        ("a:\n  - b\n", 2),
        ("a: [b]\n", 1),
        ("a: {b: c}\n", 1),
        ("a: &x b\n", 1),
        ("a: *x\n", 1),
        ("a: !t b\n", 1),
        ("a: |\n  b\n", 1),
        ("a: >\n  b\n", 1),
        ("a: b: c\n", 1),
        ("a: b:\n", 1),
        ("a: 'b' c\n", 1),
        ('a: "b\n', 1),
        ('a: "b\\x41"\n', 1),
        ("a: b\n  c: d\n", 2),
        ("a:\n    b: c\n  d: e\n", 3),
        ("a:\n\tb: c\n", 2),
        ("a: b\na: c\n", 2),
        ("a:b\n", 1),
        ("*.example.com: b\n", 1),
        ('"a"b: c\n', 1),
        ("a: b\n---\nc: d\n", 2),
        ("? a\n: b\n", 1),
        ("%YAML 1.2\n", 1),
        ("a # b: c\n", 1),
    ],
)
def test_everything_else_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigurationError, match=f"^f: line {line} "):
        parse_mapping(text, what="f")


@given(st.text(alphabet="ab: -#'\"\n\t{}[]&*|>", max_size=60))
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    try:
        members = parse_mapping(text, what="f")
    except ConfigurationError:
        return
    assert all(isinstance(key, str) for key in members)


@pytest.mark.parametrize("line", ["a: ", "'" * 9, " ", "a\n", "b #", ":"])
def test_time_grows_with_the_text(line: str) -> None:
    def act(text: str) -> None:
        try:
            parse_mapping(text, what="f")
        except ConfigurationError:
            return

    assert growth(act, lambda size: line * (size // len(line))) < TOO_FAST
