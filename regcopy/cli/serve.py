"""`serve`: a small registry over a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import OK
from regcopy.cli.flags import CommandLineError, Flag

if TYPE_CHECKING:
    from regcopy.cli.console import Console
    from regcopy.serving import ServedRequest

_DEFAULT_LISTEN: Final = "127.0.0.1:5000"
_DESCRIPTION: Final = """
Serves the images of a folder as a registry: any client can pull from it and push to it. The
folder is an OCI image layout, which other programs can read: docker://HOST:PORT/team/app:1 is
the image oci:FOLDER:team/app:1.

There is no authentication: whoever reaches the address can read and change everything. Only
this machine reaches the default address. Ctrl-C or SIGTERM ends it.
""".strip()


def _run(call: Invocation) -> int:
    if call.names:
        raise CommandLineError(f"`{call.program} serve` takes no names")
    from regcopy.serving import RegistryServer, parse_listen

    host, port = parse_listen(call.values.string("listen") or _DEFAULT_LISTEN)
    tell = _request_log(call.console) if call.values.boolean("log-requests") else None
    with _root(call) as root, RegistryServer(root, host, port, on_request=tell) as server:
        folder = os.path.abspath(root)
        call.console.log("info", f"serving {folder} at http://{server.address}/")
        if not server.is_loopback:
            call.console.log(
                "warning", "others can reach this address: they can read and change every image"
            )
        server.serve_forever(call.cancelled)
    return OK


@contextmanager
def _root(call: Invocation) -> Iterator[str]:
    """Give the folder to serve: the named one, or a temporary one that goes at the end."""
    named = call.values.string("root")
    if named:
        yield named
        return
    import tempfile

    from regcopy.streams.files import storage_errors

    where = call.values.string("tmpdir") or tempfile.gettempdir()
    with storage_errors("making a folder in", where):
        folder = tempfile.TemporaryDirectory(prefix="regcopy-serve-", dir=where)
    with folder as root:
        yield root


def _request_log(console: Console) -> Callable[[ServedRequest], None]:
    """Make what writes one log line for each request, without its query."""

    def write(request: ServedRequest) -> None:
        path = request.target.partition("?")[0]
        console.log(
            "info",
            f"{request.method} {path} {request.status} "
            f"received={request.received} sent={request.sent}",
        )

    return write


COMMAND: Final = Command(
    name="serve",
    usage="[flags]",
    description=_DESCRIPTION,
    examples=("serve --root images", "serve --root /srv/images --listen 0.0.0.0:5000"),
    groups=(
        FlagGroup(
            "What is served, and where",
            (
                Flag("root", metavar="DIR", help="folder; by default one that goes at the end"),
                Flag(
                    "listen",
                    metavar="HOST:PORT",
                    help="address; port 0 takes a free one",
                    default=_DEFAULT_LISTEN,
                ),
                Flag("log-requests", "bool", "log every request"),
            ),
        ),
    ),
    run=_run,
    stops_itself=True,
)
