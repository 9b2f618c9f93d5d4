"""`experimental-image-proxy`: read images for another process, over a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.calls import surroundings
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags, platform, trust_options

if TYPE_CHECKING:
    import socket

_DESCRIPTION: Final = """
Reads images for the process that called it, such as bootc. Its requests come as JSON over a
socket pair of the type SOCK_SEQPACKET, standard input by default; manifests, configs and blobs
go back through pipes. It speaks version 0.2.8 of skopeo's protocol. Every blob is verified, and
the trust policy is asked about each image that is opened.
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.proxy import ImageProxy, serve
    from regcopy.session import Session

    if call.names:
        raise CommandLineError(f"accepts 0 arg(s), received {len(call.names)}")
    around = surroundings(call)
    with (
        _connection(call) as connection,
        Session(
            environment=around["environment"],
            cancelled=call.cancelled,
            observer=around["observer"],
            trust=trust_options(call.values),
        ) as session,
    ):
        proxy = ImageProxy(session, around["access"], platform(call.values))
        try:
            serve(connection, proxy)
        finally:
            proxy.close()
    return OK


def _connection(call: Invocation) -> socket.socket:
    from regcopy.proxy.channel import connection_of

    return connection_of(call.values.integer("sockfd"))


COMMAND: Final = Command(
    name="experimental-image-proxy",
    usage="[flags]",
    description=_DESCRIPTION,
    examples=("experimental-image-proxy --sockfd 3",),
    groups=(
        FlagGroup(
            "The client",
            (
                Flag(
                    "sockfd",
                    "int",
                    metavar="NUMBER",
                    help="file descriptor of the socket",
                    default="0",
                ),
            ),
        ),
        image_flags("", "The registry"),
        FlagGroup(RETRY.title, (TOKEN_HOST, *RETRY.flags)),
    ),
    run=_run,
    not_found=FAILED,
)
