"""YAML as mappings, lists and text; what could be read in two ways is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from regcopy.config.yaml_text import MAX_BYTES, Node, parse_mapping, parse_yaml, truth
from regcopy.errors import ConfigurationError
from tests.growth import TOO_FAST, growth


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML has no wheel it is built without libyaml, and must do the same."""
    if request.param == "python":
        monkeypatch.setattr(yaml, "__with_libyaml__", 0)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML is built without libyaml")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", None),
        ("# only a comment\n\n", None),
        ("a", "a"),
        ("---\na: b\n", {"a": "b"}),
        ("a: ~\nb: null\nc:\nd: 'null'\n", {"a": None, "b": None, "c": None, "d": "null"}),
        ("a: [1.10, 0x1F, yes, 2024-01-01]\n", {"a": ["1.10", "0x1F", "yes", "2024-01-01"]}),
        ("a:\n- b\n- {c: d}\n", {"a": ["b", {"c": "d"}]}),
        ('"a b": "c\\x41"\n', {"a b": "cA"}),
        ("a: >\n  two\n  lines\n", {"a": "two lines\n"}),
        ("1.0: x\n", {"1.0": "x"}),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
        ("\ufeffa: b\n", {"a": "b"}),
        ("'*.example.com': x # and a comment\n", {"*.example.com": "x"}),
    ],
)  # fmt: skip
def test_scalars_are_the_text_in_the_file(text: str, node: Node) -> None:
    assert parse_yaml(text, what="f") == node


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2\n", 'line 2 has "a" a second time'),
        ("b:\n  a: 1\n  'a': 2\n", 'line 3 has "a" a second time'),
        ("a: &x b\n", "line 1 has an anchor"),
        ("a: *x\n", r"line 1 uses \*x"),
        ("a: !t b\n", "line 1 has a tag"),
        ("a: !!python/object:os.system x\n", "line 1 has a tag"),
        ("a: 1\n---\nb: 2\n", "line 2 begins a second document"),
        ("? [a]\n: b\n", "line 1 has a key that is no text"),
        ("~: b\n", "line 1 has a key that is no text"),
        ("a: [\n", "is no YAML"),
        ("a:\n\tb: c\n", "is no YAML"),
        ("a: \x07\n", "is no YAML"),
        ("[" * 60, "line 1 is nested too deeply"),
        (f"[{','.join(['a'] * 200_001)}]", "has more than 200000 parts"),
        ("#" * (MAX_BYTES + 1), "has more than a MiB"),
    ],
)
def test_what_is_not_plain_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^f:? (?:line \d+ )?{problem}"):
        parse_yaml(text, what="f")


def test_a_part_is_used_again_where_that_is_allowed() -> None:
    text = "a: &x {u: 1, v: 2}\nb: *x\nc:\n  <<: *x\n  v: 3\nd:\n  <<: [{u: 9}, *x]\n"
    found = parse_mapping(text, what="f", aliases=True)
    assert (found["b"], found["c"]) == ({"u": "1", "v": "2"}, {"u": "1", "v": "3"})
    assert found["d"] == {"u": "9", "v": "2"}


@pytest.mark.parametrize("text", ["a: &x [*x]\n", "a: *x\n", "<<: b\n", "<<: [b]\n"])
def test_nothing_contains_itself_or_merges_text(text: str) -> None:
    with pytest.raises(ConfigurationError, match="line 1 "):
        parse_yaml(text, what="f", aliases=True)


def test_what_is_merged_counts() -> None:
    large = ",".join(f"k{number}: 1" for number in range(2000))
    text = f"a: &x {{{large}}}\nb:\n" + "- <<: *x\n" * 200
    with pytest.raises(ConfigurationError, match="has more than 200000 parts"):
        parse_yaml(text, what="f", aliases=True)


def test_the_top_of_a_mapping_is_a_mapping() -> None:
    assert parse_mapping("", what="f") == {}
    with pytest.raises(ConfigurationError, match="f is no mapping"):
        parse_mapping("- a", what="f")


@pytest.mark.parametrize(
    ("node", "value"),
    [("true", True), ("Yes", True), ("OFF", False), ("n", False), ("1", None), (None, None)],
)
def test_truth(node: Node, value: bool | None) -> None:
    assert truth(node) is value


@given(st.text(alphabet="ab: -#'\"\n\t{}[]&*|>!<,", max_size=60))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    try:
        parse_yaml(text, what="f", aliases=True)
    except ConfigurationError:
        return


@pytest.mark.parametrize("line", ["'" * 8, "# b\n", "{a: "])
def test_time_grows_with_the_text(line: str) -> None:
    def act(text: str) -> None:
        try:
            parse_yaml(text, what="f")
        except ConfigurationError:
            return

    assert growth(act, lambda size: line * (size // len(line))) < TOO_FAST
