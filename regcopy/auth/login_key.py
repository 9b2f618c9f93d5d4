"""What somebody logs in to: a registry, or a namespace or repository of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from regcopy.errors import InvalidReference
from regcopy.model.reference import ImageName
from regcopy.text import printable

_SCHEMES: Final = ("http://", "https://")
_REGISTRY: Final = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class LoginKey:
    """A key of an auth file as `login` writes it (containers-auth.json(5)).

    Attributes:
        text: `host[:port]`, or `host[:port]/namespace`.
        registry: the host and port alone.
    """

    text: str
    registry: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse what stands behind `login`; of an address only host and port are taken.

        Raises:
            InvalidReference: it names no registry, or a single image.
        """
        key = _host(text) if text.startswith(_SCHEMES) else text
        registry, slash, _ = key.partition("/")
        shown = printable(text, limit=200)
        if len(registry) > _LONGEST or not _REGISTRY.fullmatch(registry):
            raise InvalidReference(
                f'"{shown}" names no registry', hint="write host, host:port or host/namespace"
            )
        if slash:
            _check_repository(key, registry)
        return cls(key, registry)

    @property
    def repository(self) -> str:
        """Path of the namespace or repository, "" for the registry as a whole."""
        return self.text.partition("/")[2]

    @property
    def is_namespaced(self) -> bool:
        """Whether it is about a part of the registry only."""
        return bool(self.repository)

    def __str__(self) -> str:
        return self.text


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _check_repository(key: str, registry: str) -> None:
    try:
        name = ImageName.parse(key)
    except InvalidReference as error:
        _, _, reason = error.message.rpartition('": ')
        why = "" if reason == "invalid format" else f": {reason}"
        raise InvalidReference(
            f'parse reference from "{printable(key, limit=200)}": invalid reference format{why}'
        ) from None
    if name.tag or name.digest:
        raise InvalidReference(f'reference "{name}" contains tag or digest')
    if registry not in (name.registry, "index.docker.io"):
        raise InvalidReference(
            f'"{printable(registry, limit=200)}" names no registry',
            hint=f"for a namespace of Docker Hub write docker.io/{printable(key, limit=200)}",
        )
