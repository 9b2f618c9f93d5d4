"""Whatever the template: it is filled in, or one clear error; and it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from regcopy.cli.flags import CommandLineError
from regcopy.cli.template.evaluator import evaluate
from regcopy.cli.template.functions import BUILTINS
from regcopy.cli.template.parser import parse
from regcopy.cli.template.render import render
from regcopy.cli.template.values import Field, GoList, GoMap, GoStruct, GoTime

DATA: Final = GoStruct(
    (
        Field("Os", "Os", "linux"),
        Field("Size", "Size", 5),
        Field("Created", "Created", GoTime("2024-01-02T03:04:05Z")),
        Field("Never", "Never", None),
        Field("Layers", "Layers", GoList(("a", "b"))),
        Field("Labels", "Labels", GoMap({"x": "1"})),
        Field("Config", "Config", GoStruct((Field("Env", "Env", GoList(is_nil=True)),))),
    )
)

# Pieces that make sense often enough, in any order.
PIECES: Final = (
    *("{{", "}}", "{{- ", " -}}", "{{/*", "*/}}", " ", "\n", "text", "|", "(", ")", ",", ":=", "="),
    *("if ", "else ", "else if ", "end", "range ", "with ", "break", "continue", "nil", "true"),
    *(
        ".",
        "$",
        "$x",
        "$x := ",
        ".Os",
        ".Layers",
        ".Labels",
        ".Labels.x",
        ".Config.Env",
        ".Created",
    ),
    *(".Never", ".Size", "1", "0x1f", "1.5", "1e9", "-1", "'a'", '"%s %d"', "`raw`", '"\\n"', '"'),
    *(f"{name} " for name in BUILTINS),
)
ACTIONS: Final = st.lists(st.sampled_from(PIECES), max_size=12).map(
    lambda pieces: f"{{{{{''.join(pieces)}}}}}"
)
TEMPLATES: Final = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.lists(st.one_of(ACTIONS, st.sampled_from(("{{end}}", "text"))), max_size=6).map("".join),
)


def error_of(fill: Callable[[], str]) -> str:
    """Fill in a template, and give the one kind of error that there may be, "" for none."""
    try:
        fill()
    except CommandLineError as error:
        return str(error)
    return ""


@settings(max_examples=500, deadline=None)
@given(TEMPLATES)
@example("{{.Os")
@example("{{`")
@example("{{'")
@example("{{/*")
@example("{{$")
@example("{{.")
@example("{{(")
@example("{{(())}}")
@example("{{printf `%` 1}}")
@example("{{printf `%!` 1}}")
@example("{{- -}}")
@example("{{'\\U00110000'}}")
@example("{{1_}}{{_1}}{{0_1}}{{1__0.5}}")
def test_any_template_is_filled_in_or_refused(template: str) -> None:
    error = error_of(lambda: render(template, DATA))
    assert error == "" or error.startswith("--format: ")


@settings(max_examples=100, deadline=None)
@given(TEMPLATES)
def test_any_template_ends_after_so_many_steps(template: str) -> None:
    error = error_of(lambda: evaluate(parse(template, BUILTINS), DATA, max_steps=50))
    assert error == "" or error.startswith("--format: ")


@given(st.text(max_size=30).filter(lambda text: "{{" not in text))
def test_text_without_braces_is_shown_as_it_is(text: str) -> None:
    assert evaluate(parse(text, BUILTINS), DATA) == text


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=20))
def test_a_quoted_text_is_shown_without_its_quotes(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert evaluate(parse(f'{{{{"{quoted}"}}}}', BUILTINS), DATA) == text
