"""Completion for bash, without the package bash-completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from regcopy.cli.completion_words import PATHS, CommandWords, FlagWords, Kind, Names

_SCRIPT: Final = r"""# bash completion for @PROGRAM@

_@FUNCTION@_words() {
    local word
    COMPREPLY=()
    for word in $1; do
        [[ $word == "$2"* ]] && COMPREPLY+=("$word")
    done
}

_@FUNCTION@() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local transport="" colon="" command="" i word flags files folders values names words
    # bash takes `=` and `:` for words of their own. What is before `:` is the transport.
    if [[ $current == [=:] ]]; then
        transport=$before colon=$current current=""
    elif [[ $before == [=:] ]]; then
        transport=${COMP_WORDS[COMP_CWORD - 2]} colon=$before
    fi
    [[ $colon == "=" ]] && before=$transport
@ROOT@
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ " $files $folders $values " == *" $word "* ]]; then
            [[ ${COMP_WORDS[i + 1]} == "=" ]] && ((i++))
            ((i++))
        elif [[ $word != -* ]]; then
            command=$word
            break
        fi
    done
    case $command in
@COMMANDS@
    esac
    if [[ " $files " == *" $before "* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [[ " $folders " == *" $before "* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
    elif [[ " $values " == *" $before "* ]]; then
        COMPREPLY=()
    elif [[ $current == -* ]]; then
        _@FUNCTION@_words "$flags" "$current"
    elif [[ $names == files ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [[ $names == images && $colon == ":" ]]; then
        COMPREPLY=()
        if [[ " @PATHS@ " == *" $transport: "* ]]; then
            compopt -o filenames -o nospace 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
        fi
    else
        [[ $names == images ]] && compopt -o nospace 2>/dev/null
        _@FUNCTION@_words "$words" "$current"
    fi
}

complete -F _@FUNCTION@ @PROGRAM@
"""


def bash_script(
    program: str,
    root: tuple[FlagWords, ...],
    commands: tuple[CommandWords, ...],
    transports: tuple[str, ...],
) -> str:
    """Give the script; its words are names of ours, which need no quotes."""
    names = " ".join(command.name for command in commands)
    cases: list[str] = []
    for command in commands:
        words = transports if command.names == "images" else command.words
        cases.append(f"        {command.name})")
        cases += _settings(command.flags, command.names, " ".join(words), indent=12)
        cases.append("            ;;")
    return (
        _SCRIPT.replace("@ROOT@", "\n".join(_settings(root, "words", names, indent=4)))
        .replace("@COMMANDS@", "\n".join(cases))
        .replace("@PATHS@", " ".join(PATHS))
        .replace("@FUNCTION@", program)
        .replace("@PROGRAM@", program)
    )


def _settings(
    flags: tuple[FlagWords, ...], names: Names, words: str, *, indent: int
) -> Iterator[str]:
    for variable, value in (
        ("flags", _spellings(flags)),
        ("files", _spellings(_of_kind(flags, "file"))),
        ("folders", _spellings(_of_kind(flags, "folder"))),
        ("values", _spellings(_of_kind(flags, "word"))),
        ("names", names),
        ("words", words),
    ):
        yield f'{" " * indent}{variable}="{value}"'


def _of_kind(flags: Iterable[FlagWords], kind: Kind) -> Iterator[FlagWords]:
    return (flag for flag in flags if flag.takes == kind)


def _spellings(flags: Iterable[FlagWords]) -> str:
    return " ".join(spelling for flag in flags for spelling in flag.spellings)
