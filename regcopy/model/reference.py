"""Names of images in registries (distribution/reference grammar; OCI distribution-spec).

The parsers are linear and check lengths first: names come from strangers' lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Self

from regcopy.errors import InvalidDigest, InvalidReference
from regcopy.model.digest import Digest
from regcopy.text import printable

DEFAULT_REGISTRY: Final = "docker.io"
_LEGACY_REGISTRY: Final = "index.docker.io"
_OFFICIAL: Final = "library"
_MAX_NAME: Final = 255
_MAX_TEXT: Final = 1024

_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = re.compile(
    rf"(?:\[[0-9a-fA-F:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL})*)(?::[0-9]{{1,5}})?"
)
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def is_tag(text: str) -> bool:
    """Tell whether text follows the grammar of a tag."""
    return _TAG.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ImageName:
    """`registry/repository[:tag][@digest]`, complete and checked."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a familiar or full name; nothing is added after the repository.

        `busybox` is `docker.io/library/busybox`; `localhost/x` and `host:5000/x` name
        registries, because the first part is `localhost` or has a `.`, a `:` or a capital.

        Raises:
            InvalidReference: the text does not follow the grammar.
        """
        if not text or len(text) > _MAX_TEXT:
            raise _invalid(text, "empty or too long")
        rest, at, digest_text = text.partition("@")
        digest = _digest(text, digest_text) if at else None
        head, slash, tail = rest.rpartition("/")
        last, colon, tag = tail.partition(":")
        if colon and not is_tag(tag):
            raise _invalid(text, f'"{tag}" is no tag')
        registry, repository = _split_registry(f"{head}{slash}{last}")
        _check_name(text, registry, repository)
        return cls(registry, repository, tag, digest)

    @property
    def name(self) -> str:
        """`registry/repository`."""
        return f"{self.registry}/{self.repository}"

    def with_default_tag(self) -> Self:
        """Add `:latest` where there is neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag="latest")

    def with_tag(self, tag: str) -> Self:
        """Same repository, another tag, no digest.

        Raises:
            InvalidReference: not a tag.
        """
        if not is_tag(tag):
            raise _invalid(tag, "not a tag")
        return replace(self, tag=tag, digest=None)

    @property
    def familiar(self) -> str:
        """Short form as Docker shows it: without `docker.io/` and `library/`.

        Each is left out only where the rest still names the same repository.
        """
        short = self.name.removeprefix(f"{DEFAULT_REGISTRY}/")
        for name in (short.removeprefix(f"{_OFFICIAL}/"), short):
            if _split_registry(name) == (self.registry, self.repository):
                return f"{name}{self._tag_and_digest}"
        return str(self)

    @property
    def _tag_and_digest(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{tag}{digest}"

    def __str__(self) -> str:
        return f"{self.name}{self._tag_and_digest}"


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    # A capital letter cannot stand in a repository, so `Registry/app` can only be a host.
    is_host = slash and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    registry, repository = (first, rest) if is_host else (DEFAULT_REGISTRY, name)
    if registry == _LEGACY_REGISTRY:
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"{_OFFICIAL}/{repository}"
    return registry, repository


def _check_name(text: str, registry: str, repository: str) -> None:
    if _REGISTRY.fullmatch(registry) is None:
        raise _invalid(text, f'"{registry}" is no registry host')
    if len(repository) > _MAX_NAME:
        raise _invalid(text, f"repository name must not be more than {_MAX_NAME} characters")
    if _REPOSITORY.fullmatch(repository) is None:
        capitals = repository != repository.lower()
        raise _invalid(text, "repository name must be lowercase" if capitals else "invalid format")


def _digest(text: str, digest: str) -> Digest:
    try:
        return Digest.parse(digest)
    except InvalidDigest as error:
        raise _invalid(text, error.message) from None


def _invalid(text: str, why: str) -> InvalidReference:
    shown, reason = printable(text, limit=200), printable(why, limit=200)
    return InvalidReference(f'invalid reference "{shown}": {reason}')
