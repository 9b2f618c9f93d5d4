"""The parameters of the Tekton Task, which come as environment variables.

Tekton puts a parameter where `$(params.x)` stands, as text. In a script that text would be
taken apart by a shell; in a variable it stays one value, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from regcopy.cli.command import Invocation
from regcopy.cli.flags import CommandLineError, Value, Values
from regcopy.cli.gotext import ValueSyntaxError, parse_bool, parse_int, quote
from regcopy.config.environment import Environment

PREFIX: Final = "REGCOPY_"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One variable, and the flag that it stands for.

    Attributes:
        variable: name without `REGCOPY_`.
        shown: name of the Task's parameter, for messages.
        flag: of `tekton`; it goes before the variable.
    """

    variable: str
    shown: str
    flag: str
    convert: Callable[[str], Value]


def _text(text: str) -> Value:
    return text


def _number(text: str) -> Value:
    return parse_int(text)


def _count(text: str) -> Value:
    return parse_int(text, signed=False)


def _texts(text: str) -> Value:
    return tuple(part for part in text.replace(",", " ").split() if part)


PARAMETERS: Final = (
    Parameter("SRC_IMAGE_URL", "srcImageURL", "src-image-url", _text),
    Parameter("DEST_IMAGE_URL", "destImageURL", "dest-image-url", _text),
    Parameter("SRC_TLS_VERIFY", "srcTLSverify", "src-tls-verify", parse_bool),
    Parameter("DEST_TLS_VERIFY", "destTLSverify", "dest-tls-verify", parse_bool),
    Parameter("MULTI_ARCH", "multiArch", "multi-arch", _text),
    Parameter("PLATFORMS", "platforms", "platform", _texts),
    Parameter("WORKSPACE", "images-url", "workspace", _text),
    Parameter("LIST", "list", "list", _text),
    Parameter("JOBS", "jobs", "jobs", _count),
    Parameter("RETRY_TIMES", "retries", "retry-times", _number),
    Parameter("SHARD", "shard", "shard", _text),
    Parameter("PLAN", "plan", "plan", _text),
    Parameter("REPORT", "report", "report", _text),
    Parameter("RESUME", "resume", "resume", _text),
    Parameter("FAILURES", "failures", "failures", _text),
)


def with_parameters(call: Invocation) -> Invocation:
    """Give a call whose flags have the values of the variables, where they were not given.

    A variable that is empty or blank says nothing: an optional parameter of a Task is "".

    Raises:
        CommandLineError: a value means nothing.
    """
    given = {**_from(call.environment), **call.values.given}
    # The Task's default is `system`; who names platforms, or gives --all, does not mean it.
    is_default = not call.values.has("multi-arch") and given.get("multi-arch") == "system"
    if is_default and (given.get("platform") or given.get("all")):
        del given["multi-arch"]
    if "platform" in given and "multi-arch" in given:
        raise CommandLineError("platforms cannot be used together with multiArch other than system")
    return replace(call, values=Values(given))


def _from(environment: Environment) -> Mapping[str, Value]:
    found: dict[str, Value] = {}
    for parameter in PARAMETERS:
        name = f"{PREFIX}{parameter.variable}"
        text = environment.get(name).strip()
        if not text:
            continue
        try:
            found[parameter.flag] = parameter.convert(text)
        except ValueSyntaxError:
            wanted = "neither true nor false" if parameter.convert is parse_bool else "no number"
            raise CommandLineError(
                f"{parameter.shown} ({name}): {quote(text)} is {wanted}"
            ) from None
    return found
