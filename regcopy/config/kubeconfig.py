"""The cluster that `kubectl` and `oc` speak to, and the token they introduce themselves with.

Read as Kubernetes does ("Organizing Cluster Access Using kubeconfig Files"): several files
in KUBECONFIG are one, and of two entries with one name the first counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from regcopy.config.environment import Environment
from regcopy.config.yaml_text import Node, parse_mapping
from regcopy.errors import ConfigurationError
from regcopy.text import printable

VARIABLE: Final = "KUBECONFIG"
_MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_TOKEN_BYTES: Final = 64 * 1024
_MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True)
class ClusterLogin:
    """Where the current context leads, and as whom.

    Attributes:
        server: URL of the API server, which the token is for.
        token: a bearer token; never shown.
        origin: file and context, for messages.
    """

    server: str
    token: str = field(repr=False)
    origin: str = ""


def find_cluster_login(environment: Environment) -> ClusterLogin | None:
    """Read the login of the current context; None where there is none with a token.

    Raises:
        ConfigurationError: a file that is there, or was named, cannot be used.
    """
    contexts: dict[str, dict[str, Node]] = {}
    users: dict[str, dict[str, Node]] = {}
    clusters: dict[str, dict[str, Node]] = {}
    current, origin = "", ""
    for path in _paths(environment):
        document = _read(path)
        if document is None:
            continue
        if not current:
            current, origin = _text(document.get("current-context")), path
        for kind, known in (("context", contexts), ("user", users), ("cluster", clusters)):
            for name, entry in _named(document.get(f"{kind}s"), kind):
                known.setdefault(name, entry)
    context = contexts.get(current, {})
    server = _text(clusters.get(_text(context.get("cluster")), {}).get("server"))
    token = _token(users.get(_text(context.get("user")), {}))
    return ClusterLogin(server, token, f"{origin}: {current}") if server and token else None


def _paths(environment: Environment) -> Iterator[str]:
    named = environment.get(VARIABLE)
    if named:
        yield from [path for path in named.split(os.pathsep) if path][:_MAX_FILES]
    elif environment.home is not None:
        yield str(environment.home / ".kube" / "config")


def _read(path: str) -> dict[str, Node] | None:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        text = content.decode()
    except FileNotFoundError:
        return None  # kubectl passes over those as well
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"cannot read {printable(path, limit=300)}: {why}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise ConfigurationError(f"{printable(path, limit=300)} has more than a MiB")
    return parse_mapping(text, what=path)


def _named(entries: Node, kind: str) -> Iterator[tuple[str, dict[str, Node]]]:
    for entry in entries if isinstance(entries, list) else ():
        inner = entry.get(kind) if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(inner, dict):
            yield _text(entry.get("name")), inner


def _text(node: Node) -> str:
    return node if isinstance(node, str) else ""


def _token(user: dict[str, Node]) -> str:
    token, path = _text(user.get("token")), _text(user.get("tokenFile"))
    if token or not path:
        return token
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_TOKEN_BYTES).decode().strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"cannot read {printable(path, limit=300)}: {why}") from None
