"""Regular expressions on tags: Go's syntax, and no tag that takes for ever."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.batch.sync.pattern import TagPattern
from regcopy.errors import UsageError


@pytest.mark.parametrize(
    ("expression", "matching", "others"),
    [
        ("^v1", ["v1", "v1.2"], ["1", "xv1", ""]),
        (r"^1\.13\.[12]-alpine-perl$", ["1.13.2-alpine-perl"], ["1.13.3-alpine-perl", "1x13.1-"]),
        ("alpine", ["3-alpine", "alpine3"], ["alpin"]),
        ("^(?:a|b)+$", ["a", "abba"], ["", "abc"]),
        ("a{2,3}", ["aa", "xaaax"], ["a", "ba"]),
        ("^a{2}$", ["aa"], ["a", "aaa"]),
        ("^a{2,}$", ["aa", "aaaa"], ["a"]),
        ("a{,3}", ["a{,3}"], ["a", ""]),
        ("x*", ["", "anything"], []),
        ("^$", [""], ["a"]),
        ("a||b", ["", "c"], []),
        ("[^a-z]", ["1", "a1"], ["a", ""]),
        ("[]a]$", ["a"], ["b"]),
        ("[a-c-]$", ["b", "-"], ["d"]),
        ("[[:upper:]x]$", ["A", "x"], ["a"]),
        ("^[[:^digit:]]+$", ["abc"], ["a1"]),
        (r"^[\w.]+$", ["a_1.B"], ["a-b"]),
        (r"\bfoo\b", ["foo", "a-foo.b"], ["foobar", "a_foo"]),
        (r"\Boo", ["foo"], ["oo"]),
        (r"^\d+\.\d+(\.\d+)?$", ["1.2", "1.2.3"], ["1", "1.2.3.4"]),
        (r"^\D\S\W$", ["a1-"], ["1a-", "a1b"]),
        ("(?i)LATEST", ["latest", "LaTeSt"], ["latst"]),
        ("(?i:la)TEST", ["LATEST", "laTEST"], ["latest"]),
        ("a(?i)b(?-i)c", ["aBc"], ["aBC", "Abc"]),
        ("(?P<major>[0-9]+)$", ["12"], ["a"]),
        ("(?<major>[0-9]+)$", ["12"], ["a"]),
        ("(?U)^a+?$", ["aaa"], ["ab"]),
        (r"\Aa\z", ["a"], ["ab", "ba"]),
        (r"\Qa.b\E$", ["a.b"], ["axb"]),
        (r"^\Qa.b", ["a.bc"], ["axb"]),
        (r"\x41\x{42}\103", ["ABC"], ["abc"]),
        (r"\.\-\_", [".-_"], ["._"]),
        ("(?s).", ["a"], [""]),
        ("(?m)^a$", ["a"], ["ba"]),
        ("é", [], ["e", ""]),
        ("[a-é]$", ["z"], ["A"]),
    ],
)
def test_an_expression_matches(expression: str, matching: list[str], others: list[str]) -> None:
    pattern = TagPattern(expression)
    assert [tag for tag in (*matching, *others) if pattern.matches(tag)] == matching


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator"),
        ("a*+", "invalid nested repetition operator"),
        ("a{2}{3}", "invalid nested repetition operator"),
        ("a{1001}", "invalid repeat count"),
        ("a{3,2}", "invalid repeat count"),
        ("[a", "missing closing ]"),
        ("[a\\", "trailing backslash"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("[a-b-c]", "invalid character class range"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("(?=a)", "invalid or unsupported Perl syntax"),
        ("(?!a)", "invalid or unsupported Perl syntax"),
        ("(?x)a", "invalid or unsupported Perl syntax"),
        ("(?i", "invalid or unsupported Perl syntax"),
        ("(?P<>a)", "invalid named capture"),
        (r"(a)\1", "invalid escape sequence"),
        (r"\Z", "invalid escape sequence"),
        (r"\x{zz}", "invalid escape sequence"),
        (r"\x1", "invalid escape sequence"),
        ("a\\", "trailing backslash"),
        ("(" * 200, "nests too deeply"),
        ("(a{100}){100}", "too large"),
        ("a" * 1001, "longer than 1000 characters"),
    ],
)
def test_what_go_refuses_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        TagPattern(expression)


PIECES = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab)", r"\d", "^", "$", r"\b"])
SIGNS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}"])


@given(st.lists(st.tuples(PIECES, SIGNS), max_size=6), st.text("ab1.", max_size=8))
def test_python_agrees_where_both_know_the_syntax(parts: list[tuple[str, str]], tag: str) -> None:
    simple = "".join(piece if piece in "^$\\b" else piece + sign for piece, sign in parts)
    expected = re.search(simple, tag, re.ASCII) is not None
    assert TagPattern(simple).matches(tag) is expected


@given(st.text(alphabet="ab(|)*+?{1,2}[]^-$\\xdQE:<>P", max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        pattern = TagPattern(text)
    except UsageError:
        return
    assert pattern.matches("ab") in (True, False)


@pytest.mark.parametrize("expression", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "^(a?){30}a{30}$"])
def test_a_hostile_tag_takes_few_steps(expression: str) -> None:
    pattern = TagPattern(expression)
    steps: list[str] = []
    counted: Callable[[frozenset[int], str], frozenset[int]] = pattern._move

    def move(states: frozenset[int], character: str) -> frozenset[int]:
        steps.append(character)
        return counted(states, character)

    pattern._move = move  # type: ignore[method-assign]
    assert not pattern.matches("a" * 127 + "b")
    assert len(steps) <= 128
