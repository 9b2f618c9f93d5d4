"""`completion`: a script with which a shell completes our commands and flags."""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.gotext import quote

_SHELLS: Final = ("bash", "zsh", "fish")

_DESCRIPTION: Final = """
Prints a script that makes a shell complete commands, flags, files and the beginnings of image
names. It is for the name that the program was called by, and changes with the version.

bash: source <(regcopy completion bash), or put it into /etc/bash_completion.d. zsh: put it into a
folder of $fpath as _regcopy, or source it after compinit. fish: put it into
~/.config/fish/completions/regcopy.fish.
""".strip()


def _run(call: Invocation) -> int:
    if not call.names:
        from regcopy.cli.groups import GLOBAL
        from regcopy.cli.help import command_help

        call.console.out(command_help(call.program, COMMAND, GLOBAL))
        return OK
    shell, *more = call.names
    if more:
        raise CommandLineError(
            f'unknown command {quote(more[0])} for "{call.program} completion {shell}"'
        )
    call.console.out(_script(call.program, shell))
    return OK


def _script(program: str, shell: str) -> str:
    from regcopy.cli.completion_bash import bash_script
    from regcopy.cli.completion_fish import fish_script
    from regcopy.cli.completion_words import commands, root_flags, transports
    from regcopy.cli.completion_zsh import zsh_script

    makers = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    if shell not in makers:
        raise CommandLineError(
            f"there is no completion for {quote(shell)}", hint=f"there is {', '.join(_SHELLS)}"
        )
    return makers[shell](program, root_flags(), commands(), transports())


COMMAND: Final = Command(
    name="completion",
    usage="[flags] bash|zsh|fish",
    description=_DESCRIPTION,
    examples=("completion bash", "completion zsh > ~/.zfunc/_regcopy"),
    groups=(
        FlagGroup("", (Flag("no-descriptions", "bool", "taken for scripts' sake", hidden=True),)),
    ),
    run=_run,
)
