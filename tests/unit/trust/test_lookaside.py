"""Signatures beside a registry, in files of this machine or on the web."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.errors import ConfigurationError, LimitExceeded, StorageFailed, UsageError
from regcopy.model.digest import Digest
from regcopy.testing.memory import MemorySource, MemoryStore
from regcopy.trust.lookaside import Lookaside
from regcopy.trust.signatures import MAX_SIGNATURE_BYTES, MAX_SIGNATURES
from tests.contexts import make_context

DIGEST = Digest.of(b"manifest")


class Web(MemorySource):
    """A source that can fetch files, and remembers which were asked for."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        super().__init__(MemoryStore().reference("x"), make_context())
        self.files = files
        self.asked: list[str] = []

    def fetch_file(self, url: str, /, *, limit: int) -> bytes | None:
        assert limit == MAX_SIGNATURE_BYTES
        self.asked.append(url)
        return b"\xa3x" if self.files is None else self.files.get(url)


def storage(folder: Path) -> Lookaside:
    return Lookaside(folder.as_uri(), "team/app")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    storage(tmp_path).write(DIGEST, [b"one", b"two"])
    assert list(storage(tmp_path).read(DIGEST, Web())) == [b"one", b"two"]
    folder = tmp_path / "team" / f"app@sha256={DIGEST.hex}"
    assert sorted(path.name for path in folder.iterdir()) == ["signature-1", "signature-2"]


def test_fewer_replace_more(tmp_path: Path) -> None:
    storage(tmp_path).write(DIGEST, [b"one", b"two", b"three"])
    storage(tmp_path).write(DIGEST, [b"new"])
    assert list(storage(tmp_path).read(DIGEST, Web())) == [b"new"]
    assert len(list((tmp_path / "team").rglob("signature-*"))) == 1


def test_a_folder_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a b%c"
    storage(folder).write(DIGEST, [b"one"])
    assert list(storage(folder).read(DIGEST, Web())) == [b"one"]
    assert folder.is_dir()


def test_nothing_there_is_no_signature(tmp_path: Path) -> None:
    assert list(storage(tmp_path / "gone").read(DIGEST, Web())) == []


def test_a_gap_ends_them(tmp_path: Path) -> None:
    storage(tmp_path).write(DIGEST, [b"one", b"two", b"three"])
    next(tmp_path.rglob("signature-2")).unlink()
    assert list(storage(tmp_path).read(DIGEST, Web())) == [b"one"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    storage(tmp_path).write(DIGEST, [b"one"])
    path = next(tmp_path.rglob("signature-1"))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        list(storage(tmp_path).read(DIGEST, Web()))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    storage(tmp_path).write(DIGEST, [b"one"])
    with next(tmp_path.rglob("signature-1")).open("r+b") as file:
        file.truncate(1024**3)
    with pytest.raises(LimitExceeded):
        list(storage(tmp_path).read(DIGEST, Web()))


def test_signatures_on_the_web_are_asked_for_until_there_is_none() -> None:
    base = f"https://sig.example.com/x/team/app@sha256={DIGEST.hex}"
    web = Web({f"{base}/signature-1": b"one", f"{base}/signature-2": b"two"})
    place = Lookaside("https://sig.example.com/x", "team/app")
    assert list(place.read(DIGEST, web)) == [b"one", b"two"]
    assert web.asked == [f"{base}/signature-{n}" for n in (1, 2, 3)]


def test_a_server_that_always_has_one_more_is_left() -> None:
    web = Web()
    with pytest.raises(LimitExceeded):
        list(Lookaside("https://sig.example.com", "app").read(DIGEST, web))
    assert len(web.asked) == MAX_SIGNATURES + 1


def test_nothing_can_be_written_to_the_web() -> None:
    with pytest.raises(UsageError) as caught:
        Lookaside("https://sig.example.com", "app").write(DIGEST, [b"one"])
    assert "lookaside-staging" in caught.value.hint


def test_a_source_that_cannot_fetch_is_no_reason_to_skip_signatures() -> None:
    source = MemorySource(MemoryStore().reference("x"), make_context())
    with pytest.raises(UsageError, match="cannot be read from here"):
        list(Lookaside("https://sig.example.com", "app").read(DIGEST, source))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/signatures",
        "file://other.example.com/srv",
        "file:srv",
        "ftp://example.com",
        "https://",
        "https://user:secret@example.com",
        "https://example.com?x=1",
        "https://example.com/#x",
        "file:///a%00b",
        "http://[",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no place for signatures"):
        Lookaside(url, "app")
