"""What `--format` does with a template before it is one (containers/common, pkg/report)."""

from __future__ import annotations

import re
from typing import Final

from regcopy.cli.flags import CommandLineError
from regcopy.cli.template.evaluator import evaluate
from regcopy.cli.template.functions import BUILTINS
from regcopy.cli.template.nodes import Block, Command, Dot, Node, Pipeline
from regcopy.cli.template.parser import parse
from regcopy.cli.template.table import align
from regcopy.cli.template.values import GoList, GoStruct

_TABLE: Final = "table "
_WHOLE: Final = re.compile(r"\s*(?:json|\{\{\s*json\s*(?:\.\s*)?\}\})\s*")
_RANGE: Final = re.compile(r"\{\{\s*range\s*\.\s*\}\}.*\{\{\s*end\s*-?\s*\}\}")


def asks_for_all(template: str) -> bool:
    """Tell whether a template is `json` or `{{json .}}`: all there is, indented."""
    return _WHOLE.fullmatch(template) is not None


def render(template: str, data: GoStruct) -> str:
    r"""Fill in a template; a new line ends it.

    In the text between the braces too, `\t` and `\n` are a tab and a new line, unless the
    template makes no sense so. One that begins with `table ` shows columns.

    Raises:
        CommandLineError: the template is wrong, or asks for what is not there.
    """
    is_table = template.startswith(_TABLE)
    shown = evaluate(_parse(template, is_table=is_table), GoList((data,)))
    return align(shown) if is_table else shown


def _parse(template: str, *, is_table: bool) -> tuple[Node, ...]:
    bare = template.removeprefix(_TABLE)
    text = bare.replace("\\t", "\t").replace("\\n", "\n")
    if is_table:
        text = text.replace(" ", "\t")
    text = text if text.endswith("\n") else f"{text}\n"
    try:
        return _for_each(text, is_table=is_table)
    except CommandLineError:
        return _for_each(bare, is_table=is_table)


def _for_each(text: str, *, is_table: bool) -> tuple[Node, ...]:
    """Go through the images, of which there is one, where the template does not do it itself."""
    if not is_table and _RANGE.search(text):
        return parse(text, BUILTINS)
    every = Pipeline((), False, (Command((Dot(),), "."),), 1)
    return (Block("range", every, parse(text, BUILTINS, in_range=True), ()),)
