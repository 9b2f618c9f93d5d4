"""Flags with the grammar and the messages of Go's pflag, which skopeo uses.

`--x`, `--x=value`, `--x value`, `-x`, `-xy`, `-x value`, `-xvalue`, `-x=value`; a boolean
takes a value only after `=`; `--` ends the flags; flags and names may be mixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from regcopy.cli.gotext import ValueSyntaxError, parse_bool, parse_duration, parse_int, quote
from regcopy.errors import UsageError

Kind = Literal["bool", "string", "strings", "int", "uint", "ints", "duration"]
Value = bool | int | float | str | tuple[str, ...] | tuple[int, ...]

_ZERO: Final[Mapping[Kind, Value]] = {
    "bool": False,
    "string": "",
    "strings": (),
    "int": 0,
    "uint": 0,
    "ints": (),
    "duration": 0.0,
}


class CommandLineError(UsageError):
    """The command line makes no sense; the message is shown as it is, new lines included."""

    def __str__(self) -> str:
        """Message alone: there is no place that it happened at."""
        return self.message


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    Attributes:
        name: what follows `--`.
        metavar: name of the value in help texts; "" for the name of the kind.
        default: what help texts show as the default; "" to show none.
        hidden: not listed in help texts.
        later: known, and refused where it would change anything: it is not supported yet, and
            `help` says what to do instead.
        secret: its value is for nobody's eyes.
    """

    name: str
    kind: Kind = "string"
    help: str = ""
    short: str = ""
    metavar: str = ""
    default: str = ""
    hidden: bool = False
    later: bool = False
    secret: bool = False

    @property
    def shown(self) -> str:
        """Name as pflag's messages show it: `-a, --all`."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """What was given for flags; a flag that was not given has its kind's zero value."""

    given: Mapping[str, Value] = field(default_factory=dict, repr=False)

    def has(self, name: str) -> bool:
        """Tell whether the flag was given, with whatever value."""
        return name in self.given

    def boolean(self, name: str) -> bool:
        """Value of a `bool` flag."""
        return self.given.get(name) is True

    def string(self, name: str) -> str:
        """Value of a `string` flag."""
        value = self.given.get(name, "")
        return value if isinstance(value, str) else ""

    def strings(self, name: str) -> tuple[str, ...]:
        """Values of a `strings` flag."""
        value = self.given.get(name, ())
        values = value if isinstance(value, tuple) else ()
        return tuple(item for item in values if isinstance(item, str))

    def integer(self, name: str) -> int:
        """Value of an `int` or `uint` flag."""
        value = self.given.get(name, 0)
        return value if isinstance(value, int) else 0

    def duration(self, name: str) -> float:
        """Value of a `duration` flag, in seconds."""
        value = self.given.get(name, 0.0)
        return value if isinstance(value, float) else 0.0


class Parsed(NamedTuple):
    """A command line taken apart.

    Attributes:
        rest: what follows the first name, where one stops it.
        secrets: all values of secret flags, also those that a later value took the place of.
    """

    values: Values
    names: tuple[str, ...]
    rest: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def parse(
    flags: Sequence[Flag],
    arguments: Sequence[str],
    *,
    before: Values | None = None,
    stop_at_name: bool = False,
) -> Parsed:
    """Take arguments apart.

    Args:
        flags: what is known; where two have one name or letter, the first counts.
        arguments: without the program's name.
        before: values that were given earlier on the same command line.
        stop_at_name: leave all after the first name alone.

    Raises:
        CommandLineError: with pflag's own message.
    """
    parser = _Parser(flags, arguments, dict(before.given) if before else {})
    return parser.run(stop_at_name=stop_at_name)


def refuse_later(flags: Sequence[Flag], values: Values) -> None:
    """Raise for a flag that is not supported yet and would change something.

    Nothing of the kind is ever ignored: who asks for a signature gets one or an error.
    """
    for flag in flags:
        if flag.later and values.given.get(flag.name, _ZERO[flag.kind]) != _ZERO[flag.kind]:
            raise CommandLineError(f"--{flag.name} is not supported yet", hint=flag.help)


class _Parser:
    def __init__(
        self, flags: Sequence[Flag], arguments: Sequence[str], given: dict[str, Value]
    ) -> None:
        self._long = {flag.name: flag for flag in reversed(flags)}
        self._short = {flag.short: flag for flag in reversed(flags) if flag.short}
        self._left = list(reversed(arguments))
        self._given = given
        self._secrets: list[str] = []

    def run(self, *, stop_at_name: bool) -> Parsed:
        names: list[str] = []
        while self._left:
            argument = self._left.pop()
            if argument == "--":
                names.extend(reversed(self._left))
                self._left.clear()
            elif argument.startswith("--"):
                self._take_long(argument)
            elif argument.startswith("-") and argument != "-":
                self._take_short(argument[1:])
            else:
                names.append(argument)
                if stop_at_name:
                    break
        rest, secrets = tuple(reversed(self._left)), tuple(self._secrets)
        return Parsed(Values(self._given), tuple(names), rest, secrets)

    def _take_long(self, argument: str) -> None:
        name, equals, value = argument[2:].partition("=")
        if not name or name.startswith("-"):
            raise CommandLineError(f"bad flag syntax: {argument}")
        flag = self._long.get(name)
        if flag is None:
            raise CommandLineError(f"unknown flag: --{name}", hint=self._similar(name))
        if not equals:
            if flag.kind == "bool":
                value = "true"
            elif self._left:
                value = self._left.pop()
            else:
                raise CommandLineError(f"flag needs an argument: {argument}")
        self._set(flag, value)

    def _take_short(self, letters: str) -> None:
        while letters:
            flag = self._short.get(letters[0])
            if flag is None:
                raise CommandLineError(f"unknown shorthand flag: '{letters[0]}' in -{letters}")
            rest = letters[1:]
            if len(rest) > 1 and rest[0] == "=":
                self._set(flag, rest[1:])
                return
            if flag.kind == "bool":
                self._set(flag, "true")
                letters = rest
                continue
            if not rest and not self._left:
                raise CommandLineError(f"flag needs an argument: '{letters[0]}' in -{letters}")
            self._set(flag, rest or self._left.pop())
            return

    def _set(self, flag: Flag, text: str) -> None:
        if flag.secret:
            self._secrets.append(text)
        try:
            value = _convert(flag.kind, text)
        except ValueSyntaxError as error:
            raise CommandLineError(
                f"invalid argument {quote(text)} for {quote(flag.shown)} flag: {error.message}"
            ) from None
        earlier = self._given.get(flag.name)
        if isinstance(earlier, tuple) and isinstance(value, tuple) and flag.name in self._given:
            self._given[flag.name] = _joined(earlier, value)
        else:
            self._given[flag.name] = value

    def _similar(self, name: str) -> str:
        from regcopy.cli.closeness import close_to  # only where somebody mistyped

        known = [flag.name for flag in self._long.values() if not flag.hidden and not flag.later]
        close = close_to(name, known)
        return f"did you mean --{close[0]}?" if close else ""


def _joined(earlier: tuple[object, ...], value: tuple[object, ...]) -> Value:
    both = (*earlier, *value)
    numbers = tuple(item for item in both if isinstance(item, int))
    return numbers or tuple(item for item in both if isinstance(item, str))


def _convert(kind: Kind, text: str) -> Value:
    match kind:
        case "bool":
            return parse_bool(text)
        case "string":
            return text
        case "strings":
            return _split(text)
        case "int":
            return parse_int(text)
        case "uint":
            return parse_int(text, signed=False)
        case "ints":
            return tuple(parse_int(part, base=10) for part in text.split(","))
        case "duration":
            return parse_duration(text)


def _split(text: str) -> tuple[str, ...]:
    if '"' not in text:
        return tuple(text.split(",")) if text else ()
    import csv  # pflag reads one line of CSV; quotes are rare

    try:
        return tuple(next(csv.reader([text], strict=True), []))
    except csv.Error as error:
        raise ValueSyntaxError(f"parse error on line 1: {error}") from None
