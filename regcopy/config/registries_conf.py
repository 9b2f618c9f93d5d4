"""Where images of a registry are read from (containers-registries.conf(5), version 2).

The decision is a pure function of a name and the tables of the files: `pull_endpoints`.
Tables hold for reading images. Names that are written to or listed are never redirected, as
in skopeo; for them only `blocked` and `insecure` count.

Short names and their aliases, and the registries that short names are searched in, are
checked and not used: `docker://` takes complete names, and `docker://busybox` is an image of
docker.io.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from regcopy.errors import ConfigurationError, InvalidReference, UsageError
from regcopy.model.reference import ImageName
from regcopy.text import printable

AUTH_FILES: Final = "containers-auth.json"
"""The name, among credential helpers, of the files with credentials."""

MirrorUse = Literal["all", "digest-only", "tag-only"]

# What may follow a prefix within a name: a port, a folder, a tag, a digest.
_SEPARATORS: Final = frozenset(":/@")
_WILDCARD: Final = "*."


class Mirror(NamedTuple):
    """One `[[registry.mirror]]`.

    Attributes:
        location: what stands in place of the prefix.
        insecure: plain HTTP and unverified certificates are allowed there.
        use: which images it is asked for.
    """

    location: str
    insecure: bool = False
    use: MirrorUse = "all"


@dataclass(frozen=True, slots=True)
class RegistryTable:
    """One `[[registry]]`.

    Attributes:
        prefix: names that it is about: `host[:port][/folder…][:tag|@digest]`, or `*.domain`.
        location: what stands in place of the prefix; "" with a wildcard, for the name itself.
        blocked: nothing may be read from there or written to it; its mirrors may be read.
        mirrors: in the order in which they are tried.
        origin: file that it stands in, for messages.
    """

    prefix: str
    location: str
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    origin: str = field(default="", compare=False)

    def matched_length(self, name: str) -> int:
        """Length of the part of a complete name that the prefix stands for; 0 for no match."""
        if self.prefix.startswith(_WILDCARD):
            host = name.partition("/")[0].partition(":")[0]
            return len(host) if host.endswith(self.prefix[1:]) else 0
        end = len(self.prefix)
        if not name.startswith(self.prefix):
            return 0
        return end if end == len(name) or name[end] in _SEPARATORS else 0


@dataclass(frozen=True, slots=True)
class RegistriesConf:
    """All files, merged.

    Attributes:
        tables: by prefix.
        credential_helpers: where credentials are looked for, in this order.
    """

    tables: Mapping[str, RegistryTable] = field(default_factory=dict)
    credential_helpers: tuple[str, ...] = (AUTH_FILES,)

    def find(self, name: ImageName) -> RegistryTable | None:
        """Give the table with the longest prefix of a name, if there is one."""
        text = str(name)
        matching = [table for table in self.tables.values() if table.matched_length(text)]
        return max(matching, key=lambda table: len(table.prefix), default=None)


class PullEndpoint(NamedTuple):
    """One place to read an image from.

    Attributes:
        name: of the image there.
        insecure: plain HTTP and unverified certificates are allowed there.
        is_mirror: it is no more than a mirror; the last endpoint is none.
        blocked_by: the table that forbids it.
    """

    name: ImageName
    insecure: bool = False
    is_mirror: bool = False
    blocked_by: RegistryTable | None = None


def pull_endpoints(name: ImageName, conf: RegistriesConf) -> tuple[PullEndpoint, ...]:
    """Say where an image is to be read from: mirrors in their order, then the place itself.

    Raises:
        ConfigurationError: a location makes no name of an image.
    """
    table = conf.find(name)
    if table is None:
        return (PullEndpoint(name),)
    endpoints = [
        PullEndpoint(rewritten, mirror.insecure, True, _blocking(rewritten, conf))
        for mirror in table.mirrors
        if _is_used(mirror, name)
        for rewritten in (_rewritten(name, table, mirror.location),)
    ]
    primary = _rewritten(name, table, table.location)
    blocking = table if table.blocked else _blocking(primary, conf)
    return (*endpoints, PullEndpoint(primary, table.insecure, False, blocking))


def blocked(table: RegistryTable) -> UsageError:
    """Make the error that tells that a registry is blocked."""
    place = f" in {printable(table.origin, limit=300)}" if table.origin else ""
    return UsageError(
        f"registry {printable(table.prefix, limit=300)} is blocked{place}",
        hint="nothing is read from there or written to it; see containers-registries.conf(5)",
    )


def _is_used(mirror: Mirror, name: ImageName) -> bool:
    return mirror.use == "all" or (mirror.use == "digest-only") == (name.digest is not None)


def _blocking(name: ImageName, conf: RegistriesConf) -> RegistryTable | None:
    table = conf.find(name)
    return table if table is not None and table.blocked else None


def _rewritten(name: ImageName, table: RegistryTable, location: str) -> ImageName:
    if not location:
        return name
    text = f"{location}{str(name)[table.matched_length(str(name)) :]}"
    try:
        made = ImageName.parse(text)
    except InvalidReference as error:
        raise _unusable(text, table, error.message) from None
    if str(made) != text:
        raise _unusable(text, table, f"that would be {made}")
    return made


def _unusable(text: str, table: RegistryTable, why: str) -> ConfigurationError:
    place = f"{printable(table.origin, limit=300)}: " if table.origin else ""
    return ConfigurationError(
        f"{place}the location for {printable(table.prefix, limit=300)} makes no complete name: "
        f'"{printable(text, limit=300)}": {why}',
        hint="a location begins with a host, such as mirror.example.com or localhost:5000",
    )


def merged(confs: Iterator[RegistriesConf]) -> RegistriesConf:
    """Merge files, in the order in which they are read: what comes later counts."""
    tables: dict[str, RegistryTable] = {}
    helpers: tuple[str, ...] = ()
    for conf in confs:
        tables.update(conf.tables)
        helpers = conf.credential_helpers or helpers
    return RegistriesConf(tables, helpers or (AUTH_FILES,))
