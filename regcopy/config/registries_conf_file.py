"""One registries.conf or drop-in: TOML, read into tables and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar, cast, get_args

from regcopy.config.registries_conf import Mirror, MirrorUse, RegistriesConf, RegistryTable
from regcopy.config.small_file import read_at_most
from regcopy.errors import ConfigurationError, InvalidReference
from regcopy.model.reference import ImageName
from regcopy.text import printable

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
_MODES: Final = frozenset({"", "disabled", "enforcing", "permissive"})
_WILDCARD: Final = "*."
_HOST: Final = re.compile(r"[A-Za-z0-9\[](?:[A-Za-z0-9.:\]-]*[A-Za-z0-9\]])?")
_HELPER: Final = re.compile(r"[A-Za-z0-9._-]+")

_WANTED: Final[Mapping[type, str]] = {str: "a string", bool: "true or false"}

_Kind = TypeVar("_Kind", str, bool)
_Table = Mapping[str, object]


def read_registries_conf(path: Path) -> RegistriesConf:
    """Read a file; `credential_helpers` is empty where it says nothing of them.

    Keys that are not known are passed over, as in containers/image.

    Raises:
        FileNotFoundError: there is none.
        ConfigurationError: it cannot be read, or makes no sense.
    """
    shown = printable(str(path), limit=300)
    try:
        return parse_registries_conf(_content(path), origin=str(path))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"loading registries configuration {shown}: {error.message}", hint=error.hint
        ) from None


def parse_registries_conf(text: str, *, origin: str = "") -> RegistriesConf:
    """Parse the text of a file.

    Args:
        text: TOML.
        origin: name of the file, for messages about its tables.

    Raises:
        ConfigurationError: it is no TOML, or makes no sense.
    """
    import tomllib  # only where there is a file

    try:
        document = cast("_Table", tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigurationError(f"no TOML: {printable(why, limit=300)}") from None
    if "registries" in document:
        raise ConfigurationError(
            "registries.conf must be in v2 format but is in v1",
            hint="write [[registry]] tables; see containers-registries.conf(5)",
        )
    _check_short_names(document)
    tables = [_registry(table, origin) for table in _tables(document, "registry")]
    _check_agreement(tables)
    helpers = tuple(_strings(document, "credential-helpers"))
    for helper in helpers:
        if _HELPER.fullmatch(helper) is None:
            raise ConfigurationError(f'"{printable(helper, limit=100)}" is no credential helper')
    # Of two tables with one prefix the first counts.
    return RegistriesConf({table.prefix: table for table in reversed(tables)}, helpers)


def _content(path: Path) -> str:
    try:
        content = read_at_most(path, MAX_FILE_BYTES) or b""
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
        raise ConfigurationError(why) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"it has more than {MAX_FILE_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError("it is not UTF-8 text") from None


def _registry(table: _Table, origin: str) -> RegistryTable:
    location = _location(_value(table, "location", ""))
    prefix = _location(_value(table, "prefix", "")) or location
    if not prefix:
        raise ConfigurationError("a [[registry]] has neither prefix nor location")
    is_wildcard = prefix.startswith(_WILDCARD)
    if is_wildcard and any(character in prefix for character in "/@:"):
        raise ConfigurationError(
            f'"{_shown(prefix)}" is no prefix: with a wildcard it is *.example.com'
        )
    if not is_wildcard and not location:
        raise ConfigurationError(
            f'[[registry]] "{_shown(prefix)}" has no location; only *.example.com may have none'
        )
    if "pull-from-mirror" in table:
        raise ConfigurationError(
            f'pull-from-mirror must not be set for a non-mirror registry "{_shown(prefix)}"'
        )
    by_digest_only = _value(table, "mirror-by-digest-only", False)
    return RegistryTable(
        prefix=prefix,
        location=location,
        insecure=_value(table, "insecure", False),
        blocked=_value(table, "blocked", False),
        mirrors=tuple(
            _mirror(mirror, prefix, by_digest_only=by_digest_only)
            for mirror in _tables(table, "mirror")
        ),
        origin=origin,
    )


def _mirror(table: _Table, prefix: str, *, by_digest_only: bool) -> Mirror:
    location = _location(_value(table, "location", ""))
    if not location:
        raise ConfigurationError(f'a mirror of "{_shown(prefix)}" has no location')
    written = _value(table, "pull-from-mirror", "")
    if by_digest_only and written:
        raise ConfigurationError(
            f'"{_shown(prefix)}" has mirror-by-digest-only, and its mirror "{_shown(location)}" '
            "pull-from-mirror: only one of them may be set"
        )
    return Mirror(
        location,
        _value(table, "insecure", False),
        "digest-only" if by_digest_only else _use(written, location),
    )


def _use(written: str, location: str) -> MirrorUse:
    for use in cast("tuple[MirrorUse, ...]", get_args(MirrorUse)):
        if written in (use, ""):
            return use if written else "all"
    raise ConfigurationError(
        f'unsupported pull-from-mirror value "{_shown(written)}" for mirror "{_shown(location)}"'
    )


def _location(text: str) -> str:
    if text.startswith(("http://", "https://")):
        raise ConfigurationError(
            f'invalid location "{_shown(text)}": URI schemes are not supported'
        )
    return text.rstrip("/")


def _check_agreement(tables: list[RegistryTable]) -> None:
    """Refuse tables that say different things of one place."""
    seen: dict[str, RegistryTable] = {}
    for table in tables:
        place = table.location or table.prefix
        other = seen.setdefault(place, table)
        for key, differs in (
            ("insecure", table.insecure != other.insecure),
            ("blocked", table.blocked != other.blocked),
        ):
            if differs:
                raise ConfigurationError(
                    f'registry "{_shown(place)}" is defined multiple times with conflicting '
                    f"'{key}' setting"
                )


def _check_short_names(document: _Table) -> None:
    """Check what is not used here; a broken file is broken for everybody."""
    for registry in _strings(document, "unqualified-search-registries"):
        if _HOST.fullmatch(_location(registry)) is None:
            raise ConfigurationError(
                f'Invalid unqualified-search-registries entry "{_shown(registry)}"'
            )
    if _value(document, "short-name-mode", "") not in _MODES:
        mode = _value(document, "short-name-mode", "")
        raise ConfigurationError(f'invalid short-name mode: "{_shown(mode)}"')
    aliases = document.get("aliases", {})
    if not isinstance(aliases, dict):
        raise ConfigurationError("[aliases] is no table")
    for name, value in aliases.items():
        if not isinstance(value, str) or not _is_alias(name, value):
            raise ConfigurationError(
                f'invalid alias "{_shown(name)}": a short name stands for the complete name '
                "of a repository"
            )


def _is_alias(name: str, value: str) -> bool:
    if not value:  # it takes an alias of an earlier file away
        return _is_repository(name, has_host=False)
    return _is_repository(name, has_host=False) and _is_repository(value, has_host=True)


def _is_repository(text: str, *, has_host: bool) -> bool:
    try:
        name = ImageName.parse(text)
    except InvalidReference:
        return False
    first, slash, _ = text.partition("/")
    names_host = bool(slash) and (first == "localhost" or not {".", ":"}.isdisjoint(first))
    return not name.tag and not name.digest and names_host == has_host


def _tables(table: _Table, key: str) -> Iterator[_Table]:
    for item in _list(table, key, "tables"):
        if not isinstance(item, dict):
            raise ConfigurationError(f'"{key}" is no array of tables')
        yield item


def _strings(table: _Table, key: str) -> Iterator[str]:
    for item in _list(table, key, "strings"):
        if not isinstance(item, str):
            raise ConfigurationError(f'"{key}" is no array of strings')
        yield item


def _list(table: _Table, key: str, what: str) -> list[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise ConfigurationError(f'"{key}" is no array of {what}')
    return value


def _value(table: _Table, key: str, default: _Kind) -> _Kind:
    value = table.get(key, default)
    if isinstance(value, type(default)):
        return value
    raise ConfigurationError(f'"{key}" is not {_WANTED[type(default)]}')


def _shown(text: str) -> str:
    return printable(text, limit=200)
