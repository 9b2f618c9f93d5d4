"""The words that may follow the two names of a line: `all`, `platform=linux/amd64`, ….

They are few on purpose: a list comes from elsewhere, and nothing in it names a file, a
credential or a host beside the two that its line is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from regcopy.copying.options import CopyOptions, Instances
from regcopy.errors import UsageError
from regcopy.model.mediatypes import Format
from regcopy.model.platform import Platform
from regcopy.session import Access
from regcopy.text import printable

_WORDS_FOR_TRUE: Final = frozenset({"", "true", "1"})
_WORDS_FOR_FALSE: Final = frozenset({"false", "0"})
_FORMATS: Final[Mapping[str, Format]] = {"oci": "oci", "v2s2": "v2s2", "v2s1": "v2s1"}


@dataclass(frozen=True, slots=True)
class LineOptions:
    """What a line says about itself; None where it leaves that to the whole list.

    Attributes:
        instances: which images of an index.
        format: manifest family to write.
        preserve_digests: fail where anything would have to change bytes.
        source_tls_verify, destination_tls_verify: as in `SideOptions.tls_verify`.
        referrers: copy what refers to the image, too.
        source_access: how the source is reached, where a list is made of several places.
    """

    instances: Instances | None = None
    format: Format | None = None
    preserve_digests: bool | None = None
    source_tls_verify: bool | None = None
    destination_tls_verify: bool | None = None
    referrers: bool | None = None
    source_access: Access | None = field(default=None, repr=False)

    def applied_to(self, options: CopyOptions) -> CopyOptions:
        """Give the options of the list with those of this line over them."""
        if self is NO_OPTIONS:
            return options
        given = options.preserve_digests
        return replace(
            options,
            instances=self.instances or options.instances,
            format=self.format or options.format,
            preserve_digests=given if self.preserve_digests is None else self.preserve_digests,
            referrers=options.referrers if self.referrers is None else self.referrers,
        )

    def source(self, access: Access) -> Access:
        """Say how this line's source is reached."""
        return _with_tls(self.source_access or access, self.source_tls_verify)

    def destination(self, access: Access) -> Access:
        """Say how this line's destination is reached."""
        return _with_tls(access, self.destination_tls_verify)


NO_OPTIONS: Final = LineOptions()


def parse_words(words: Sequence[str]) -> LineOptions:
    """Parse the words after the names.

    Raises:
        UsageError: a word that is no option, a value that means nothing, an option twice.
    """
    if not words:
        return NO_OPTIONS
    options, seen = NO_OPTIONS, set[str]()
    for word in words:
        key, _, value = word.partition("=")
        handle = _HANDLERS.get(key)
        if handle is None:
            raise _unknown(word, key)
        about = _ABOUT.get(key, key)
        if about in seen:
            raise UsageError(f'"{printable(word, limit=100)}": this was said before on the line')
        seen.add(about)
        options = handle(options, value)
    return options


def _unknown(word: str, key: str) -> UsageError:
    shown = printable(word, limit=100)
    if ":" in key:
        return UsageError(f'more than two names: "{shown}"')
    if key.startswith("-"):
        plain = key.lstrip("-")
        written = printable(word.lstrip("-"), limit=100)
        hint = f"write {written}, without -" if plain in _HANDLERS else _KNOWN
        return UsageError(f'"{shown}": options stand without - in a list', hint=hint)
    return UsageError(f'"{shown}" is a third name, or an option that is not known', hint=_KNOWN)


def _with_tls(access: Access, verify: bool | None) -> Access:
    if verify is None:
        return access
    return replace(access, options=replace(access.options, tls_verify=verify))


def _boolean(key: str, value: str) -> bool:
    if value in _WORDS_FOR_TRUE:
        return True
    if value in _WORDS_FOR_FALSE:
        return False
    raise UsageError(f'{key}={printable(value, limit=100)}: neither "true" nor "false"')


def _all(options: LineOptions, value: str) -> LineOptions:
    return replace(options, instances=Instances("all" if _boolean("all", value) else "system"))


def _platform(options: LineOptions, value: str) -> LineOptions:
    return replace(options, instances=Instances("platforms", _platforms(value), strip=True))


def _multi_arch(options: LineOptions, value: str) -> LineOptions:
    match value:
        case "system" | "all" | "index-only":
            return replace(options, instances=Instances(value))
        case _:
            return replace(options, instances=Instances("platforms", _platforms(value)))


def _platforms(value: str) -> tuple[Platform, ...]:
    return tuple(dict.fromkeys(Platform.parse(part) for part in value.split(",")))


def _format(options: LineOptions, value: str) -> LineOptions:
    family = _FORMATS.get(value)
    if family is None:
        raise UsageError(f"format={printable(value, limit=100)}: not one of oci, v2s2 and v2s1")
    return replace(options, format=family)


def _preserve_digests(options: LineOptions, value: str) -> LineOptions:
    return replace(options, preserve_digests=_boolean("preserve-digests", value))


def _referrers(options: LineOptions, value: str) -> LineOptions:
    return replace(options, referrers=_boolean("referrers", value))


def _src_tls_verify(options: LineOptions, value: str) -> LineOptions:
    return replace(options, source_tls_verify=_boolean("src-tls-verify", value))


def _dest_tls_verify(options: LineOptions, value: str) -> LineOptions:
    return replace(options, destination_tls_verify=_boolean("dest-tls-verify", value))


_HANDLERS: Final[Mapping[str, Callable[[LineOptions, str], LineOptions]]] = {
    "all": _all,
    "platform": _platform,
    "multi-arch": _multi_arch,
    "format": _format,
    "preserve-digests": _preserve_digests,
    "referrers": _referrers,
    "src-tls-verify": _src_tls_verify,
    "dest-tls-verify": _dest_tls_verify,
}
# Three words say the same thing in different ways; only one of them may stand on a line.
_ABOUT: Final = {"all": "images", "platform": "images", "multi-arch": "images"}
_KNOWN: Final = f"known options: {', '.join(_HANDLERS)}"
