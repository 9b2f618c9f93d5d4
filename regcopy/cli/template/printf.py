"""`printf`, in the forms of Go's package fmt.

What Go marks in its output as a mistake, such as `%!d(string=x)`, is an error here: nobody
wants that text in a script's variable.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from regcopy.cli.gotext import quote
from regcopy.cli.template.printing import join_parts, shortest, show_scalar
from regcopy.cli.template.values import GoList, GoMap, GoStruct, GoTime, Value, kind_of
from regcopy.cli.template.wrong import Misuse

MAX_WIDTH: Final = 10_000

_DIRECTIVE: Final = re.compile(r"%([-+# 0]*)([0-9]*)(?:\.([0-9]*))?(.?)", re.DOTALL)
_BASES: Final = {"b": ("b", "0b"), "o": ("o", "0"), "x": ("x", "0x"), "X": ("X", "0X")}


@dataclass(frozen=True, slots=True)
class _Directive:
    """One `%…`: its flags, its width, its precision (None for none) and its verb.

    Attributes:
        named: write the names of a struct's fields too, which is what `+` means to `%v`.
    """

    text: str
    flags: str
    width: int
    precision: int | None
    verb: str
    named: bool = False

    def pad(self, text: str, *, zeros: bool = True) -> str:
        """Fill up to the width; zeros go behind a sign."""
        if "-" in self.flags:
            return text.ljust(self.width)
        return text.zfill(self.width) if zeros and "0" in self.flags else text.rjust(self.width)

    def sign(self) -> str:
        """What Python's own formats call the flags for the sign of a number."""
        return "+" if "+" in self.flags else " " if " " in self.flags else ""


def printf(form: str, arguments: Sequence[Value]) -> str:
    """Fill arguments into a form.

    Raises:
        Misuse: a directive that is not there or does not fit its argument, or too many or
            too few arguments.
    """
    parts: list[str] = []
    left = list(arguments)
    end = 0
    for found in _DIRECTIVE.finditer(form):
        parts.append(form[end : found.start()])
        end = found.end()
        directive = _parse(found)
        if directive.verb == "%":
            parts.append("%")
            continue
        if not left:
            raise Misuse(f"there is no argument for {directive.text}")
        parts.append(_fill(directive, left.pop(0)))
    if left:
        raise Misuse(f"there are {len(left)} more arguments than directives")
    return "".join((*parts, form[end:]))


def _parse(found: re.Match[str]) -> _Directive:
    flags, width, precision, verb = found.groups()
    if len(width) > 5 or len(precision or "") > 5 or int(width or "0") > MAX_WIDTH:
        raise Misuse(f"{found[0]} is wider than {MAX_WIDTH}")
    exact = None if precision is None else int(precision or "0")
    if not verb or verb not in "vsqdxXobcUtfFeEgG%" or (verb == "v" and "#" in flags):
        raise Misuse(f"{found[0]} is no directive")
    named = verb == "v" and "+" in flags
    plain = flags.replace("+", "") if named else flags
    return _Directive(found[0], plain, int(width or "0"), exact, verb, named)


def _fill(directive: _Directive, value: Value) -> str:
    if isinstance(value, GoList | GoMap | GoStruct):
        return join_parts(value, lambda part: _fill(directive, part), named=directive.named)
    filled = _scalar(directive, value)
    if filled is None:
        raise Misuse(f"{directive.text} is not for a {kind_of(value)}")
    return filled


def _scalar(directive: _Directive, value: Value) -> str | None:
    """Write a value that has no parts; None where the directive is not for it."""
    match value:
        case bool():
            is_for = directive.verb in "vt"
            return directive.pad(show_scalar(value)) if is_for else None
        case int():
            return _integer(directive, value)
        case float():
            return _float(directive, value)
        case str():
            return _string(directive, value)
        case GoTime():
            return _string(directive, show_scalar(value)) if directive.verb in "vsq" else None
        case _:
            return directive.pad(show_scalar(value)) if directive.verb == "v" else None


def _string(directive: _Directive, text: str) -> str | None:
    cut = text if directive.precision is None else text[: directive.precision]
    match directive.verb:
        case "v" | "s":
            return directive.pad(cut)
        case "q" if "#" in directive.flags and "`" not in cut and cut.isprintable():
            return directive.pad(f"`{cut}`")
        case "q":
            return directive.pad(_ascii(quote(cut)) if "+" in directive.flags else quote(cut))
        case "x" | "X":
            content = text.encode("utf-8", "surrogateescape")[: directive.precision]
            digits = content.hex() if directive.verb == "x" else content.hex().upper()
            prefix = f"0{directive.verb}" if "#" in directive.flags and digits else ""
            return directive.pad(prefix + digits)
        case _:
            return None


def _ascii(text: str) -> str:
    """Escape what is not ASCII."""
    return "".join(map(_ascii_character, text))


def _ascii_character(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _integer(directive: _Directive, value: int) -> str | None:
    match directive.verb:
        case "c" | "q" | "U":
            return _character(directive, value)
        case "v" | "d":
            base, prefix = "d", ""
        case "b" | "o" | "x" | "X":
            base, prefix = _BASES[directive.verb]
        case _:
            return None
    digits = format(abs(value), base)
    if directive.precision is not None:
        digits = digits.zfill(directive.precision)
    digits = (prefix if "#" in directive.flags else "") + digits
    sign = "-" if value < 0 else directive.sign()
    if "0" in directive.flags and "-" not in directive.flags and directive.precision is None:
        return sign + digits.zfill(directive.width - len(sign))
    return directive.pad(sign + digits, zeros=False)


def _character(directive: _Directive, value: int) -> str:
    is_one = 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000
    character = chr(value) if is_one else "\ufffd"
    match directive.verb:
        case "c":
            return directive.pad(character)
        case "q":
            inner = quote(character)[1:-1]
            plain = {'\\"': '"', "'": "\\'"}.get(inner, inner)
            return directive.pad(f"'{_ascii(plain) if '+' in directive.flags else plain}'")
        case _:
            shown = f" '{character}'" if "#" in directive.flags and character.isprintable() else ""
            return directive.pad(f"U+{value:04X}{shown}", zeros=False)


def _float(directive: _Directive, value: float) -> str | None:
    sign = directive.sign()
    if directive.verb not in "vfFeEgG":
        return None
    if directive.verb in "vgG" and directive.precision is None:
        shown = shortest(value)
        shown = shown if shown.startswith("-") else sign + shown
    else:
        verb = {"v": "g", "F": "f", "E": "e", "G": "g"}.get(directive.verb, directive.verb)
        precision = 6 if directive.precision is None else directive.precision
        shown = format(value, f"{sign}.{precision}{verb}")
    return directive.pad(shown.upper() if directive.verb in "EG" else shown)
