"""Templates as people write them, and what is beside the grammar: tabs, new lines, tables."""

from __future__ import annotations

from typing import Final

import pytest

from regcopy.cli.flags import CommandLineError
from regcopy.cli.template.evaluator import MAX_CHARACTERS, evaluate
from regcopy.cli.template.functions import BUILTINS
from regcopy.cli.template.parser import MAX_DEPTH, parse
from regcopy.cli.template.render import asks_for_all, render
from regcopy.cli.template.values import Field, GoList, GoMap, GoStruct, GoTime

LAYER: Final = GoStruct((Field("Digest", "Digest", "sha256:1"), Field("Size", "Size", 5)))
DATA: Final = GoStruct(
    (
        Field("Name", "Name", "host/app", omits_empty=True),
        Field("Os", "Os", "linux"),
        Field("Created", "Created", GoTime("2024-01-02T03:04:05Z")),
        Field("Layers", "Layers", GoList(("sha256:1", "sha256:2"))),
        Field("LayersData", "LayersData", GoList((LAYER, LAYER))),
        Field("Labels", "Labels", GoMap({"b": "2", "a": "<1>"})),
        Field("None", "None", GoMap(is_nil=True)),
    )
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{join .Layers `, `}}", "sha256:1, sha256:2"),
        ("{{json .Labels}}", '{"a":"<1>","b":"2"}'),
        ("{{json .None}} {{.None}} {{len .None}}", "null map[] 0"),
        ("{{json .LayersData}}", '[{"Digest":"sha256:1","Size":5},{"Digest":"sha256:1","Size":5}]'),
        ("{{.LayersData}}", "[{sha256:1 5} {sha256:1 5}]"),
        ('{{printf "%+v" (index .LayersData 0)}}', "{Digest:sha256:1 Size:5}"),
        ("{{json .Created}}", '"2024-01-02T03:04:05Z"'),
        ("{{upper .Os}} {{lower `ÄB`}} {{title `a-b c_d it's`}}", "LINUX äb A-B C_d It'S"),
        ('{{split "a,b" ","}} {{split "ab" ""}}', "[a b] [a b]"),
        (
            "{{pad .Os 1 2}}|{{pad `` 1 2}}|{{truncate .Os 3}}{{truncate .Os 9}}",
            " linux  ||linlinux",
        ),
        ('{{join (split "a/b" "/") "-" | upper | printf "%s!"}}', "A-B!"),
    ],
)
def test_what_skopeo_adds_to_gos_functions_is_there(template: str, text: str) -> None:
    assert render(template, DATA) == f"{text}\n"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (r"a\tb\n", "a\tb\n"),
        ("a\n", "a\n"),
        ("", "\n"),
        (r'{{printf "%s\n%s" .Os .Os}}', "linux\nlinux"),
        ("{{range .}}{{.Os}}{{end}}", "linux\n"),
        ("{{range .}}{{.Os}}{{end -}}", "linux"),
        ("table {{.Os}} {{.Name}}", "linux       host/app\n"),
        (
            r"table a\t{{.Name}}\tb\nccccccccccccc\td\te",
            f"{'a':<15}host/app    b\n{'c' * 13}  d           e\n",
        ),
        (r"table a\nb c\nd", "a\nb           c\nd\n"),
    ],
)
def test_new_lines_tabs_and_columns_are_as_skopeo_makes_them(template: str, text: str) -> None:
    assert render(template, DATA) == text


@pytest.mark.parametrize("template", ["json", "{{json .}}", "{{ json . }}", " {{json}} "])
def test_all_of_it_can_be_asked_for_in_several_ways(template: str) -> None:
    assert asks_for_all(template)
    assert not asks_for_all(f"{template}x")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{.Nope}}", ".Nope: there is no field Nope among Name, Os, "),
        ("{{.Os.Nope}}", ".Os.Nope: a text has no field Nope"),
        ("{{nope}}", 'function "nope" not defined'),
        ("{{template `x`}}", "template is not supported"),
        ('{{define "x"}}{{end}}', "define is not supported"),
        ("{{if .Os}}", "if has no end"),
        ("{{if .Os}}{{else}}{{else}}{{end}}", "if has a second else"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{range .Os}}{{end}}", "range cannot go through a text"),
        ("{{index .Layers 2}}", "index .Layers 2: index out of range: 2"),
        ("{{join .Os `,`}}", "expected a list of texts, not a text"),
        ("{{len 1}}", "len 1: a int has no length"),
        ('{{printf "%d" .Os}}', "%d is not for a text"),
        ('{{printf "%s"}}', "there is no argument for %s"),
        ('{{printf "a" 1}}', "there are 1 more arguments than directives"),
        ('{{printf "%99999d" 1}}', "%99999d is wider than 10000"),
        ("{{pad .Os -1 0}}", "the padding is not between 0 and 10000"),
        ("{{$x}}", "undefined variable $x"),
        ("{{.Os", "a {{ has no }}"),
        ("a\nb\n{{nope}}", 'line 3: function "nope" not defined'),
    ],
)
def test_what_is_wrong_is_told_in_one_line(template: str, problem: str) -> None:
    with pytest.raises(CommandLineError) as told:
        render(template, DATA)
    assert str(told.value).startswith("--format: ")
    assert problem in str(told.value)


def test_an_unknown_function_is_answered_with_the_known_ones() -> None:
    with pytest.raises(CommandLineError) as told:
        render("{{uper .Os}}", DATA)
    assert "upper" in told.value.hint


def test_what_comes_from_outside_moves_no_cursor() -> None:
    data = GoStruct((Field("Os", "Os", "a\x1b[2J\u202eb\tc\nd"),))
    assert render("{{.Os}}\x1b", data) == "a\\x1b[2J\\u202eb\tc\nd\x1b\n"


@pytest.mark.parametrize("opening", ["{{if .Os}}", "{{range .Layers}}", "{{with .Os}}"])
def test_blocks_inside_each_other_have_an_end(opening: str) -> None:
    with pytest.raises(CommandLineError, match=f"more than {MAX_DEPTH} blocks"):
        render(opening * 10_000, DATA)


def test_parentheses_inside_each_other_have_an_end() -> None:
    deep = "(" * (MAX_DEPTH - 1)
    assert render("{{" + f"{deep}.Os{deep.replace('(', ')')}" + "}}", DATA) == "linux\n"
    with pytest.raises(CommandLineError, match="inside each other"):
        render("{{" + "(" * 10_000 + ".Os" + ")" * 10_000 + "}}", DATA)


def test_many_else_ifs_have_an_end() -> None:
    with pytest.raises(CommandLineError, match="inside each other"):
        render("{{if 0}}" + "{{else if 0}}" * 10_000 + "{{end}}", DATA)


def test_a_template_that_goes_on_and_on_is_stopped() -> None:
    nodes = parse("{{range .}}" * 30 + "x" + "{{end}}" * 30, BUILTINS)
    nested: GoList = GoList()
    for _ in range(30):
        nested = GoList((nested, nested))
    with pytest.raises(CommandLineError, match="goes on for too long"):
        evaluate(nodes, nested, max_steps=1000)


def test_a_text_that_doubles_and_doubles_is_stopped() -> None:
    doubling = "{{$x := `abcdefgh`}}" + "{{$x = print $x $x}}" * 40
    assert MAX_CHARACTERS < 8 * 2**40
    with pytest.raises(CommandLineError, match="goes on for too long"):
        render(doubling, DATA)
