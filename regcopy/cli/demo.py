"""`demo`: the main job, on this machine, with nothing else installed."""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import Command, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError

_DESCRIPTION: Final = """
Starts two small registries, makes an image for four platforms, and copies it from registry to
registry, into a layout, into a folder and back into a registry. The digest is shown at every
stop; it must be the same. No network and no other program is needed, and nothing is left behind.
""".strip()


def _run(call: Invocation) -> int:
    if call.names:
        raise CommandLineError(f"`{call.program} demo` takes no names")
    from regcopy.testing.demo import run_demo

    is_right = run_demo(lambda line: call.console.out(f"{line}\n"), cancelled=call.cancelled)
    return OK if is_right else FAILED


COMMAND: Final = Command(
    name="demo",
    usage="",
    description=_DESCRIPTION,
    examples=("demo",),
    groups=(),
    run=_run,
)
