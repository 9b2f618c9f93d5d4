"""Lists of copies: on each line a source, a destination, and perhaps options.

    # comments and blank lines are skipped
    docker://quay.io/team/app:1   docker://mirror.example.com/team/app:1
    docker://quay.io/team/tool:2  oci:tools:2   platform=linux/amd64,linux/arm64  # also here

Words are separated by spaces and tabs; there are no quotes. A list is data: no word of it
is an option of the command, a pattern or a variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

from regcopy.batch.line_options import NO_OPTIONS, LineOptions, parse_words
from regcopy.errors import InvalidReference, LimitExceeded, RegcopyError, UsageError
from regcopy.streams.blob import Readable, read_limited
from regcopy.text import printable
from regcopy.transports import find_transport, names, parse_reference
from regcopy.transports.abilities import SharesFile
from regcopy.transports.base import ImageReference, Transport

MAX_LIST_BYTES: Final = 512 * 1024 * 1024
MAX_LINES: Final = 2_000_000
_MAX_LINE: Final = 16 * 1024
_SHOWN_PROBLEMS: Final = 10
# Each transport that is not ours costs a look at all installed packages.
_MAX_UNKNOWN: Final = 50
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Line:
    """One copy of a list.

    Attributes:
        number: of the line, counted from 1.
        source: `transport:reference` to read from.
        destination: `transport:reference` to write to.
        words: options as they were written.
        options: what they mean.
    """

    number: int
    source: str
    destination: str
    words: tuple[str, ...] = ()
    options: LineOptions = NO_OPTIONS

    def __str__(self) -> str:
        """As it can stand in a list."""
        return " ".join((self.source, self.destination, *self.words))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line."""

    number: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"line {self.number}: {self.message}"


class BadList(UsageError):
    """A list with lines that make no sense; nothing was attempted.

    Attributes:
        problems: all of them, in the order of the lines.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        shown = "; ".join(str(problem) for problem in problems[:_SHOWN_PROBLEMS])
        more = len(problems) - _SHOWN_PROBLEMS
        lines = len({problem.number for problem in problems})
        count = f"{lines} bad {'line' if lines == 1 else 'lines'}"
        super().__init__(f"the list has {count}: {shown}{f'; and {more} more' * (more > 0)}")
        self.problems = problems


def parse_list(texts: Iterable[str]) -> tuple[Line, ...]:
    """Parse the lines of a list.

    Args:
        texts: each one line, with or without the end of a line.

    Raises:
        BadList: with every line that is wrong, not only the first.
        LimitExceeded: there are too many lines.
    """
    return _Parser().parse(texts)


def read_list(file: Readable, *, name: str = "the list") -> tuple[Line, ...]:
    """Parse a list from UTF-8 bytes; a byte order mark and CRLF are fine.

    Raises:
        BadList: as `parse_list`.
        LimitExceeded: it has too many bytes.
        UsageError: these are not the bytes of a list.
    """
    content = read_limited(file, MAX_LIST_BYTES, what=name)
    if content.startswith(_UTF16_MARKS):
        raise UsageError(f"{name} is UTF-16 text", hint="save it as UTF-8")
    if b"\0" in content:
        raise UsageError(f"{name} is no text", hint="save it as UTF-8")
    return parse_list(_decoded(content.removeprefix(_UTF8_MARK)))


def make_line(number: int, source: str, destination: str, words: tuple[str, ...] = ()) -> Line:
    """Make a line of its parts, checked as far as one line alone can be.

    Raises:
        UsageError: it makes no sense.
    """
    return _Parser().line(number, source, destination, words)


def _decoded(content: bytes) -> Iterator[str]:
    for line in content.split(b"\n"):
        # What is no UTF-8 becomes characters that no name may have.
        yield line.decode("utf-8", "surrogateescape")


class _Parser:
    """Parses lines, and remembers which places they name."""

    def __init__(self) -> None:
        self._transports: dict[str, Transport | None] = {}
        self._unknown = 0
        self._options: dict[tuple[str, ...], LineOptions] = {}
        self._problems: list[Problem] = []
        self._destinations: dict[tuple[str, str], int] = {}
        self._sources: dict[tuple[str, str], int] = {}
        self._files_written: dict[str, tuple[str, int]] = {}
        # Two of the lines that read a file: one of them is not the one that writes it.
        self._files_read: dict[str, list[int]] = {}
        self._have_files: dict[type[ImageReference], bool] = {}

    def parse(self, texts: Iterable[str]) -> tuple[Line, ...]:
        lines: list[Line] = []
        for number, text in enumerate(texts, 1):
            if number > MAX_LINES:
                raise LimitExceeded(f"the list has more than {MAX_LINES} lines")
            try:
                words = _split(text)
                if words:
                    lines.append(self._from_words(number, words))
            except RegcopyError as error:
                self._problems.append(Problem(number, error.message, error.hint))
        self._check_chains()
        if self._problems:
            raise BadList(tuple(sorted(self._problems, key=lambda problem: problem.number)))
        return tuple(lines)

    def _from_words(self, number: int, words: list[str]) -> Line:
        for word in words[:2]:
            if word.startswith("-"):
                raise UsageError(
                    f'"{printable(word, limit=100)}" starts with -, and no name does',
                    hint="options of a line stand after the names, such as dest-tls-verify=false",
                )
        if len(words) < 2:
            raise UsageError("one name, where a source and a destination are needed")
        return self.line(number, words[0], words[1], tuple(words[2:]))

    def line(self, number: int, source: str, destination: str, words: tuple[str, ...]) -> Line:
        options = self._meaning(words)
        from_place = self._reference(source, "source")
        to_place = self._reference(destination, "destination")
        from_file, to_file = self._file(from_place), self._file(to_place)
        from_key, to_key = _identity(from_place, from_file), _identity(to_place, to_file)
        earlier = self._destinations.setdefault(to_key, number)
        if earlier != number:
            raise UsageError(f"same destination as line {earlier}: {printable(destination)}")
        self._sources.setdefault(from_key, number)
        if from_key == to_key:
            raise UsageError(f"source and destination are the same: {printable(destination)}")
        if from_file is not None:
            readers = self._files_read.setdefault(from_file.file, [])
            readers += [number] if len(readers) < 2 else []
        if to_file is not None:
            self._note_written(number, to_place.transport, to_file.file)
        return Line(number, source, destination, words, options)

    def _meaning(self, words: tuple[str, ...]) -> LineOptions:
        """What the options say; mostly all lines of a list say the same."""
        if words not in self._options:
            self._options[words] = parse_words(words)
        return self._options[words]

    def _file(self, place: ImageReference) -> SharesFile | None:
        """The place, if it is in a file that several lines may write into."""
        kind = type(place)
        if kind not in self._have_files:  # to ask a protocol takes as long as all the rest
            self._have_files[kind] = isinstance(place, SharesFile)
        return cast("SharesFile", place) if self._have_files[kind] else None

    def _note_written(self, number: int, transport: str, file: str) -> None:
        kind, earlier = self._files_written.setdefault(file, (transport, number))
        if kind != transport:
            raise UsageError(
                f"line {earlier} writes the same file as {kind}: {printable(file, limit=300)}"
            )

    def _reference(self, text: str, side: str) -> ImageReference:
        name, colon, rest = text.partition(":")
        transport = self._transport(name) if colon else None
        try:
            if transport is not None:
                return transport.parse(rest)
            if not colon:
                return parse_reference(text)  # says what is missing
        except UsageError as error:
            raise UsageError(f"{side}: {error.message}", hint=error.hint) from None
        raise InvalidReference(
            f'{side}: Invalid image name "{printable(text, limit=300)}", '
            f'unknown transport "{printable(name, limit=100)}"',
            hint="names in a registry begin with docker://" if "/" in text else "",
        )

    def _transport(self, name: str) -> Transport | None:
        if name not in self._transports:
            if name not in names():
                self._unknown += 1
                if self._unknown > _MAX_UNKNOWN:
                    return None
            self._transports[name] = find_transport(name)
        return self._transports[name]

    def _check_chains(self) -> None:
        """Refuse a destination that another line reads: nobody could say what it would find."""
        chains = {
            (number, self._sources[key])
            for key, number in self._destinations.items()
            if key in self._sources and self._sources[key] != number
        }
        chains |= {
            (number, next(reader for reader in self._files_read[file] if reader != number))
            for file, (_, number) in self._files_written.items()
            if file in self._files_read and self._files_read[file] != [number]
        }
        self._problems += (
            Problem(
                number,
                f"its destination is the source of line {reader}",
                "lines are copied in no fixed order: make two lists of it",
            )
            for number, reader in chains
        )


def _split(text: str) -> list[str]:
    """Words of a line, without what follows a word that starts with `#`."""
    plain = text.strip("\r\n \t")
    if not plain or plain[0] == "#":
        return []
    if len(plain) > _MAX_LINE:
        raise UsageError(f"longer than {_MAX_LINE} characters")
    if not plain.isprintable():
        _check_characters(plain)
    words = plain.split()  # after the check there are no blanks but spaces and tabs
    if "#" in plain:
        end = next((at for at, word in enumerate(words) if word[0] == "#"), len(words))
        del words[end:]
    return words


def _check_characters(text: str) -> None:
    for character in text:
        if not character.isprintable() and character != "\t":
            code = ord(character)
            if 0xDC80 <= code <= 0xDCFF:
                raise UsageError(f"a byte that is no UTF-8: 0x{code - 0xDC00:02x}")
            raise UsageError(f"a character that cannot be seen: U+{code:04X}")


def _identity(place: ImageReference, within: SharesFile | None) -> tuple[str, str]:
    """What two spellings of one place have in common."""
    if within is not None:
        return place.transport, f"{within.file}:{within.name_within}"
    return place.transport, place.policy_identity or str(place)
