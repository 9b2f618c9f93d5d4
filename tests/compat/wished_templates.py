"""Wished-for differences of `inspect --format`."""

from __future__ import annotations

from typing import Final

from tests.compat.difference import Difference

_NEWER: Final = "newer versions have these functions"
_LACKING: Final = "hardly anybody uses it, and the message says what there is"


def _template(template: str) -> str:
    return f"inspect --format '{template}' oci:one:t"


TEMPLATES: Final = (
    *(
        Difference("newer", _template(template), "", _NEWER)
        for template in (
            "{{json .Os}}",
            '{{join .Layers ","}}',
            "{{upper .Os}}",
            '{{lower "A"}}',
            '{{split .Os "i"}}',
            '{{title "a b"}}',
        )
    ),
    Difference("newer", _template("{{.}}"), "", "newer versions have more fields"),
    Difference(
        "better",
        _template(r"table {{.Os}}\t{{.Architecture}}"),
        "tables and tabs in `--format`",
        "people write them",
    ),
    Difference("better", _template(r"{{.Os}}\t{{.Architecture}}"), "", "a tab is a tab"),
    Difference(
        "unsupported",
        _template("{{.Created.Year}}"),
        "methods, named templates, `%T` and `%#v` in `--format`",
        _LACKING,
    ),
    Difference("unsupported", _template('{{define "x"}}a{{end}}{{template "x"}}'), "", _LACKING),
    Difference("unsupported", _template('{{printf "%T" .Os}}'), "", _LACKING),
    Difference("unsupported", _template('{{printf "%#v" .Os}}'), "", _LACKING),
    Difference("unsupported", _template('{{printf "%d" .Os}}'), "", _LACKING),
)
