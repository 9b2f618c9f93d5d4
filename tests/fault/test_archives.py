"""Hostile archives, and faults while one is written: one clear error, and nothing is left."""

from __future__ import annotations

import gzip
import json
import os
import resource
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regcopy.api import Access, copy
from regcopy.errors import ContentError, NotFound, RegcopyError, StorageFailed
from regcopy.streams import tar_reading, tar_storage
from regcopy.streams.tar_index import TarIndex
from regcopy.testing.samples import SampleImage, single_image, write_dir
from regcopy.transports import parse_reference
from regcopy.transports.docker_archive import TRANSPORT
from tests.docker_archives import IMAGE, header, made_up, members_of, parts, tar_of
from tests.hand_copy import read_image, write_image
from tests.memory import peak_of
from tests.storage_watch import StorageWatch, contents, fail_call

SMALL: Final = single_image(family="v2s2", plain=True, layers=1, layer_bytes=10)
MEMBERS: Final = members_of(IMAGE)
LAYERS: Final = json.loads(MEMBERS["manifest.json"])[0]["Layers"]
CONFIG: Final = json.loads(MEMBERS["manifest.json"])[0]["Config"]

Entry = tuple[tarfile.TarInfo, bytes]


def entries() -> list[Entry]:
    """Members of a good archive."""
    return [(header(name, len(content)), content) for name, content in MEMBERS.items()]


def without(*names: str) -> list[Entry]:
    """Members of a good archive but for some."""
    return [entry for entry in entries() if entry[0].name not in names]


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> Entry:
    """Make a link."""
    return header(name, kind=kind, to=to), b""


def listing(config: str = CONFIG, layers: list[str] = LAYERS) -> Entry:
    """Make another manifest.json."""
    content = json.dumps([{"Config": config, "RepoTags": None, "Layers": layers}]).encode()
    return header("manifest.json", len(content)), content


def device(name: str, kind: bytes) -> Entry:
    """Make a device."""
    return header(name, kind=kind), b""


def sparse(name: str) -> Entry:
    """Make a sparse member as GNU tar does."""
    return header(name, 4, kind=tarfile.GNUTYPE_SPARSE), b"1234"


HOSTILE: Final[dict[str, list[Entry]]] = {
    "a config above": [*without("manifest.json"), listing(config="../secret")],
    "an absolute config": [*without("manifest.json"), listing(config="/etc/passwd")],
    "a config by way of a folder": [*without("manifest.json"), listing(config="x/../../secret")],
    "a layer above": [*without("manifest.json"), listing(layers=["../secret"] * 3)],
    "a member above": [*without(CONFIG), (header(f"../{CONFIG}", 1), b"1")],
    "an absolute member": [*without(CONFIG), (header(f"/{CONFIG}", 1), b"1")],
    "a link out": [*without(CONFIG), link(CONFIG, "../secret")],
    "an absolute link": [*without(CONFIG), link(CONFIG, "/etc/passwd")],
    "a hard link out": [*without(CONFIG), link(CONFIG, "../secret", tarfile.LNKTYPE)],
    "an absolute hard link": [*without(CONFIG), link(CONFIG, "/etc/passwd", tarfile.LNKTYPE)],
    "a link to itself": [*without(CONFIG), link(CONFIG, CONFIG)],
    "a circle of links": [*without(CONFIG), link(CONFIG, "a"), link("a", "b"), link("b", CONFIG)],
    "a layer that links to itself": [*without(LAYERS[0]), link(LAYERS[0], LAYERS[0])],
    "a link to nothing": [*without(CONFIG), link(CONFIG, "nothing")],
    "a link to a folder": [
        *without(CONFIG),
        link(CONFIG, "folder"),
        (header("folder", kind=tarfile.DIRTYPE), b""),
    ],
    "contents that are a link out": [
        *without("manifest.json"),
        link("manifest.json", "/etc/passwd"),
    ],
    "a pipe for contents": [*without("manifest.json"), device("manifest.json", tarfile.FIFOTYPE)],
    "a device for a config": [*without(CONFIG), device(CONFIG, tarfile.CHRTYPE)],
    "a device for a layer": [*without(LAYERS[1]), device(LAYERS[1], tarfile.BLKTYPE)],
    "a folder for a layer": [*without(LAYERS[1]), device(LAYERS[1], tarfile.DIRTYPE)],
    "a sparse layer": [*without(LAYERS[1]), sparse(LAYERS[1])],
    "contents twice": [*entries(), listing()],
    "contents twice, one a link": [*entries(), link("./manifest.json", CONFIG)],
    "a config twice": [*entries(), (header(f"./{CONFIG}", 2), b"{}")],
    "one layer for all": [*without("manifest.json"), listing(layers=[LAYERS[0]] * 3)],
    "layers in another order": [*without("manifest.json"), listing(layers=LAYERS[::-1])],
    "too few layers": [*without("manifest.json"), listing(layers=LAYERS[:2])],
    "too many layers": [*without("manifest.json"), listing(layers=[*LAYERS, LAYERS[0]])],
    "a config that is a layer": [*without("manifest.json"), listing(config=LAYERS[0])],
    "contents as config": [*without("manifest.json"), listing(config="manifest.json")],
    "no contents": without("manifest.json"),
    "contents that are large": [
        *without("manifest.json"),
        (header("manifest.json", 5_000_000), b"[" + b" " * 4_999_999),
    ],
    "a config that is large": [*without(CONFIG), (header(CONFIG, 5_000_000), b" " * 5_000_000)],
    "nothing": [],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file beside it that no archive may reach."""
    (tmp_path / "secret").write_bytes(MEMBERS[CONFIG])
    inner = tmp_path / "inner"
    inner.mkdir()
    return inner


def copy_fails(archive: Path, error: type[RegcopyError] = ContentError) -> RegcopyError:
    """Copy from an archive into a folder; check the error, and that there is nothing after it."""
    target = archive.parent / "out"
    with pytest.raises(error) as caught:
        copy(f"docker-archive:{archive}", f"dir:{target}")
    assert str(caught.value).isprintable()
    assert not target.exists()
    return caught.value


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_in_one_line(
    folder: Path, kind: str, pack: Callable[[bytes], bytes]
) -> None:
    (folder / "a.tar").write_bytes(pack(tar_of(HOSTILE[kind])))
    assert copy_fails(folder / "a.tar").side == "source"
    assert sorted(os.listdir(folder)) == ["a.tar"]


HARMLESS: Final[dict[str, list[Entry]]] = {
    "members above": [(header("../x", 1), b"1"), (header("../../etc/cron.d/x", 1), b"1")],
    "absolute members": [(header("/etc/cron.d/x", 1), b"1")],
    "links out that nobody asks for": [link("a", "/etc/passwd"), link("b", "../../x")],
    "devices that nobody asks for": [device("a", tarfile.CHRTYPE), device("b", tarfile.FIFOTYPE)],
    "circles that nobody asks for": [link("a", "b"), link("b", "a")],
    "contents above": [(header("../manifest.json", 2), b"[]")],
    "contents in a folder": [(header("x/manifest.json", 2), b"[]")],
    "a layer twice": [(header(LAYERS[0], 1), b"1")],
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_nobody_asks_for_does_no_harm(folder: Path, kind: str) -> None:
    (folder / "a.tar").write_bytes(tar_of([*entries(), *HARMLESS[kind]]))
    copy(f"docker-archive:{folder}/a.tar", f"dir:{folder}/out")
    assert read_image(parse_reference(f"dir:{folder}/out")).top == made_up(IMAGE.top)
    assert sorted(os.listdir(folder)) == ["a.tar", "out"]
    assert sorted(os.listdir(folder.parent)) == ["inner", "secret"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_an_archive_that_is_cut_off_at_any_block_is_refused(
    folder: Path, pack: Callable[[bytes], bytes]
) -> None:
    whole = tar_of(members_of(SMALL))
    last = len(whole) - 1024  # with one block of its end mark, all is there
    for length in range(0, last + 1, 512):
        (folder / "a.tar").write_bytes(pack(whole[:length]))
        copy_fails(folder / "a.tar")


def test_a_gzipped_archive_that_is_cut_off_anywhere_is_refused(folder: Path) -> None:
    whole = gzip.compress(tar_of(members_of(SMALL)))
    # The end of the data is the end mark, which was seen before the checksum.
    for length in [*range(0, len(whole) - 40, 37)]:
        (folder / "a.tar").write_bytes(whole[:length])
        copy_fails(folder / "a.tar")


def test_a_pipe_that_is_cut_off_is_refused(folder: Path) -> None:
    whole = tar_of(members_of(SMALL))
    for length in range(0, len(whole) - 1024, 1536):
        reading, writing = os.pipe()
        os.write(writing, whole[:length])
        os.close(writing)
        with pytest.raises(ContentError):
            copy(f"docker-archive:/dev/fd/{reading}", f"dir:{folder}/out")
        os.close(reading)
    assert os.listdir(folder) == []


def test_the_memory_for_members_has_a_limit() -> None:
    count = 4096
    blocks = b"".join(header(f"{number:064x}/layer.tar").tobuf() for number in range(count))

    def read_at(offset: int, size: int) -> bytes:
        return blocks[offset : offset + size] if offset < len(blocks) else bytes(size)

    each = peak_of(lambda: TarIndex.read(read_at, what="it")) / count
    assert each * tar_reading.MAX_MEMBERS < 32 * 2**20


def test_names_that_do_not_end_cost_little_memory(folder: Path) -> None:
    long = header("x" * 500_000).tobuf(tarfile.PAX_FORMAT)
    with (folder / "a.tar").open("wb") as file:
        for _ in range(200):
            file.write(long)
    assert peak_of(lambda: copy_fails(folder / "a.tar")) < 40 * 2**20


def test_a_bomb_behind_the_end_is_not_unpacked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    (folder / "a.tar").write_bytes(gzip.compress(tar_of(MEMBERS) + bytes(200_000_000)))
    with no_file_over(20_000_000):
        copy(f"docker-archive:{folder}/a.tar", f"dir:{folder}/out")


def test_a_bomb_inside_a_member_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_storage, "_BOMB_BYTES", 10_000_000)
    monkeypatch.setattr(tar_storage, "_BOMB_RATIO", 50)
    monkeypatch.setenv("TMPDIR", str(folder))
    bomb = tar_of([(header("x", 200_000_000), bytes(200_000_000)), *entries()])
    (folder / "a.tar").write_bytes(gzip.compress(bomb))
    with no_file_over(20_000_000):
        assert "unpacks to more than" in copy_fails(folder / "a.tar").message


def test_a_packed_layer_that_is_broken_is_refused(folder: Path) -> None:
    packed = bytearray(gzip.compress(MEMBERS[LAYERS[0]]))
    packed[len(packed) // 2] ^= 255
    broken = [*without(LAYERS[0]), (header(LAYERS[0], len(packed)), bytes(packed))]
    (folder / "a.tar").write_bytes(tar_of(broken))
    copy_fails(folder / "a.tar")


def test_a_temporary_folder_that_is_full_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(folder))
    large = os.urandom(4_000_000)
    (folder / "a.tar").write_bytes(gzip.compress(tar_of([(header("x", len(large)), large)]), 0))
    with no_file_over(1_000_000):
        error = copy_fails(folder / "a.tar", StorageFailed)
    assert error.message.startswith(f"writing a temporary file in {folder}: ")
    assert sorted(os.listdir(folder)) == ["a.tar"]


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """Let the system refuse larger files."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


WHOLE: Final = tar_of(members_of(SMALL))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(1, 255)), max_size=4))
def test_an_archive_with_changed_bytes_gives_the_image_or_an_error(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(WHOLE)
    for position, change in changes:
        content[position] ^= change
    (tmp_path / "a.tar").write_bytes(content)
    try:
        found = read_image(TRANSPORT.parse(f"{tmp_path}/a.tar"))
    except RegcopyError as error:
        assert str(error).isprintable()  # noqa: PT017 — it may as well not be raised
    else:
        assert parts(found)[1] == parts(SMALL)[1]


NEW: Final = single_image(family="v2s2", plain=True, seed="new", layers=2, layer_bytes=3_000)


def written(path: Path) -> bool:
    """Tell whether a whole archive is there; one that is not whole is an error."""
    try:
        found = read_image(TRANSPORT.parse(str(path)))
    except NotFound:
        return False
    assert found == SampleImage(made_up(NEW.top), (), NEW.blobs)
    return True


def test_a_stop_after_any_call_leaves_no_archive_or_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[bool] = []
    watch = StorageWatch(monkeypatch, after=lambda: states.append(written(tmp_path / "a.tar")))

    write_image(NEW, TRANSPORT.parse(f"{tmp_path}/a.tar:app:1"))

    assert states == sorted(states)
    assert (states[0], states[-1]) == (False, True)
    assert watch.faults == []


def test_a_fault_of_any_call_leaves_nothing(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        watch = StorageWatch(patch)
        write_image(NEW, TRANSPORT.parse(f"{tmp_path}/good.tar"))
    assert watch.count > 10
    for number in watch.failing[:-1]:  # the last one makes the name durable
        place = tmp_path / str(number)
        place.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            StorageWatch(patch, before=fail_call(number))
            with pytest.raises(StorageFailed, match="No space left"):
                write_image(NEW, TRANSPORT.parse(f"{place}/a.tar"))
        assert contents(place) == {}


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    write_dir(single_image(family="v2s2", plain=True, layer_bytes=2_000_000), tmp_path / "from")
    with no_file_over(3_000_000), pytest.raises(StorageFailed, match="File too large") as caught:
        copy(f"dir:{tmp_path}/from", f"docker-archive:{tmp_path}/a.tar")
    assert caught.value.side == "destination"
    assert os.listdir(tmp_path) == ["from"]


@pytest.mark.parametrize("plain", [True, False])
def test_a_source_that_breaks_leaves_no_archive(tmp_path: Path, plain: bool) -> None:
    image = single_image(family="v2s2", plain=plain, layer_bytes=3_000_000)
    write_dir(image, tmp_path / "from")
    last = list(image.blobs)[-2]
    spoilt = bytearray(image.blobs[last])
    spoilt[len(spoilt) // 2] ^= 1
    (tmp_path / "from" / last.hex).write_bytes(spoilt)
    with pytest.raises(ContentError) as caught:
        copy(f"dir:{tmp_path}/from", f"docker-archive:{tmp_path}/a.tar")
    assert caught.value.side == "source"
    assert os.listdir(tmp_path) == ["from"]


def test_an_image_that_breaks_ends_a_pipe_without_its_end_mark(tmp_path: Path) -> None:
    image = single_image(family="v2s2", plain=True, layer_bytes=3_000_000)
    write_dir(image, tmp_path / "from")
    (tmp_path / "from" / list(image.blobs)[1].hex).write_bytes(b"short")
    reading, writing = os.pipe()
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(read_all(reading)))
    thread.start()
    with pytest.raises(ContentError):
        copy(f"dir:{tmp_path}/from", f"docker-archive:/dev/fd/{writing}")
    os.close(writing)
    thread.join(60)
    (tmp_path / "a.tar").write_bytes(received[0])
    copy_fails(tmp_path / "a.tar")


def read_all(fd: int) -> bytes:
    """Read to the end, and close."""
    with open(fd, "rb") as file:
        return file.read()


def test_a_cancelled_copy_leaves_no_archive(tmp_path: Path) -> None:
    write_dir(IMAGE, tmp_path / "from")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(RegcopyError, match="cancelled"):
        copy(
            f"dir:{tmp_path}/from",
            f"docker-archive:{tmp_path}/a.tar",
            source_access=Access(),
            cancelled=cancelled,
        )
    assert os.listdir(tmp_path) == ["from"]
