"""Where the daemon listens: a flag, the environment, or the usual socket.

An address from a flag means what it means to skopeo: `tcp://` is TLS and `http://` is not.
One in DOCKER_HOST means what it means to Docker: `tcp://` is TLS where DOCKER_TLS_VERIFY,
DOCKER_TLS or DOCKER_CERT_PATH says so.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import ConfigurationError
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.config.environment import Environment
    from regcopy.transports.base import Context

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
_PORT, _TLS_PORT = 2375, 2376
_NETWORK: Final = re.compile(
    r"(?P<host>\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_.-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<prefix>(?:/[A-Za-z0-9_.~-]{1,100}){0,8})/?"
)
_TLS_VARIABLES: Final = ("DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH")
# sun_path in unix(7), with the zero at its end.
_MAX_SOCKET_PATH: Final = 107


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """A daemon's address.

    Attributes:
        text: as it was written.
        socket_path: of a unix socket, "" where it is reached by TCP.
        host: name or address, without brackets.
        uses_tls: whether TLS is spoken over TCP.
        prefix: of all paths, such as `/docker`; mostly "".
    """

    text: str
    socket_path: str = ""
    host: str = ""
    port: int = 0
    uses_tls: bool = False
    prefix: str = ""


def find_address(context: Context) -> DaemonAddress:
    """Find the daemon of one side.

    Raises:
        ConfigurationError: the address is none, or of a kind that is not supported.
    """
    flag = context.options.daemon_host
    environment = context.environment
    if flag:
        name = "--src-daemon-host" if context.side == "source" else "--dest-daemon-host"
        return _parse(flag, name, tcp_is_tls=True)
    text = environment.get("DOCKER_HOST") or DEFAULT_HOST
    return _parse(text, "DOCKER_HOST", tcp_is_tls=any(map(environment.get, _TLS_VARIABLES)))


def _parse(text: str, origin: str, *, tcp_is_tls: bool) -> DaemonAddress:
    scheme, separator, rest = text.partition("://")
    shown = printable(text, limit=300)
    if not separator or not rest:
        raise ConfigurationError(
            f"unable to parse docker host `{shown}` ({origin})",
            hint=f"write {DEFAULT_HOST}, or tcp://host:{_TLS_PORT}",
        )
    if scheme == "unix":
        if "\0" in rest or len(os.fsencode(rest)) > _MAX_SOCKET_PATH:
            raise ConfigurationError(f"{origin}: {shown} is no possible path of a socket")
        return DaemonAddress(text, socket_path=rest)
    if scheme not in ("tcp", "http", "https"):
        raise ConfigurationError(
            f"{origin}: {printable(scheme, limit=50)}:// is not supported: {shown}",
            hint=_other_way(scheme),
        )
    found = _NETWORK.fullmatch(rest)
    uses_tls = scheme == "https" or (scheme == "tcp" and tcp_is_tls)
    port = int(found["port"] or 0) if found else 0
    if found is None or port > 65535:
        raise ConfigurationError(f"{origin}: {shown} is not {scheme}://host[:port]")
    return DaemonAddress(
        text,
        host=found["host"].strip("[]"),
        port=port or (_TLS_PORT if uses_tls else _PORT),
        uses_tls=uses_tls,
        prefix=found["prefix"],
    )


def _other_way(scheme: str) -> str:
    if scheme == "ssh":
        return "forward the socket: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock host"
    return "use unix://, tcp://, http:// or https://"


def other_sockets(environment: Environment) -> tuple[str, ...]:
    """Sockets of daemons that are on this machine, for a hint."""
    runtime = environment.runtime_dir
    paths = ["/var/run/docker.sock", "/run/podman/podman.sock"]
    if runtime is not None:
        paths += [str(runtime / "docker.sock"), str(runtime / "podman" / "podman.sock")]
    return tuple(path for path in paths if os.path.exists(path))
