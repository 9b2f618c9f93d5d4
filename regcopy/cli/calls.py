"""What every call into the library is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from regcopy.cli.flags import CommandLineError
from regcopy.cli.groups import access, environment

if TYPE_CHECKING:
    import threading

    from regcopy.api import Access
    from regcopy.checking.opening import Reading
    from regcopy.cli.command import Command, Invocation
    from regcopy.config.environment import Environment
    from regcopy.events import Observer


class Surroundings(TypedDict):
    """Arguments that all calls about one place share."""

    access: Access
    observer: Observer
    cancelled: threading.Event
    environment: Environment


def check_two_places(call: Invocation, command: Command) -> None:
    """Raise unless source and destination were named, and warn of the old flag for both.

    Raises:
        CommandLineError: another number of names.
    """
    if len(call.names) != 2:
        from regcopy.cli.help import usage_line

        call.console.err(usage_line(call.program, command))
        raise CommandLineError("Exactly two arguments expected")
    if call.values.has("tls-verify"):
        call.console.log(
            "warning",
            "'--tls-verify' is deprecated, instead use: --src-tls-verify, --dest-tls-verify",
        )


def surroundings(call: Invocation) -> Surroundings:
    """Say how the place is reached; repeated requests become warnings."""
    from regcopy.cli.progress import Warnings

    return {
        "access": access(call.values),
        "observer": Warnings(call.console),
        "cancelled": call.cancelled,
        "environment": environment(call),
    }


def reading(call: Invocation) -> Reading:
    """Say the same to the library's parts that look into images."""
    from regcopy.checking.opening import Reading

    around = surroundings(call)
    return Reading(around["access"], around["observer"], around["cancelled"], around["environment"])
