"""Completion for zsh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from regcopy.cli.completion_words import PATHS, CommandWords, FlagWords

_SCRIPT: Final = r"""#compdef @PROGRAM@
# zsh completion for @PROGRAM@

_@FUNCTION@_images() {
    if compset -P '(@PATHS@)'; then
        _files -S ''
        return
    fi
    local -a transports
    transports=(@TRANSPORTS@)
    compadd -S '' -- $transports
}

_@FUNCTION@_commands() {
    local -a commands
    commands=(
@LIST@
    )
    _describe 'command' commands
}

_@FUNCTION@() {
    local curcontext=$curcontext state line
    typeset -A opt_args
    _arguments -C \
@ROOT@
        '1:command:_@FUNCTION@_commands' \
        '*::name:->names'
    [[ $state == names ]] || return
    curcontext=${curcontext%:*:*}:@PROGRAM@-$words[1]:
    case $words[1] in
@COMMANDS@
    esac
}

if [[ $funcstack[1] == _@FUNCTION@ ]]; then
    _@FUNCTION@ "$@"
else
    compdef _@FUNCTION@ @PROGRAM@
fi
"""
_ACTIONS: Final = {"word": ":value: ", "file": ":file:_files", "folder": ":folder:_files -/"}


def zsh_script(
    program: str,
    root: tuple[FlagWords, ...],
    commands: tuple[CommandWords, ...],
    transports: tuple[str, ...],
) -> str:
    """Give the script."""
    cases: list[str] = []
    for command in commands:
        cases.append(f"        {command.name})")
        cases.append("            _arguments \\")
        cases += (f"                {spec} \\" for spec in _specs(command.flags))
        cases.append(f"                {_names(program, command)}")
        cases.append("            ;;")
    listed = (_quote(f"{one.name}:{one.summary.replace(':', '')}") for one in commands)
    return (
        _SCRIPT.replace("@ROOT@", "\n".join(f"        {spec} \\" for spec in _specs(root)))
        .replace("@COMMANDS@", "\n".join(cases))
        .replace("@LIST@", "\n".join(f"        {entry}" for entry in listed))
        .replace("@TRANSPORTS@", " ".join(map(_quote, transports)))
        .replace("@PATHS@", "|".join(PATHS))
        .replace("@FUNCTION@", program)
        .replace("@PROGRAM@", program)
    )


def _specs(flags: tuple[FlagWords, ...]) -> Iterator[str]:
    for flag in flags:
        told = "".join(f"\\{one}" if one in "[]\\:" else one for one in flag.help)
        action = "" if flag.takes == "nothing" else _ACTIONS[flag.takes]
        # A flag that takes a value may be followed by `=`; all may be repeated.
        equals = "" if flag.takes == "nothing" else "="
        rest = _quote(f"[{told}]{action}")
        yield f"'*--{flag.long}{equals}'{rest}"
        if flag.short:
            yield f"'*-{flag.short}{'+' if equals else ''}'{rest}"


def _names(program: str, command: CommandWords) -> str:
    match command.names:
        case "images":
            return f"'*:image:_{program}_images'"
        case "files":
            return "'*:file:_files'"
        case _ if command.words:
            return _quote(f"*:name:({' '.join(command.words)})")
        case _:
            return "'*:name: '"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
