"""The library in an event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from regcopy import aio
from regcopy.batch import BadList, LineEnded, LineEvent, ListEnded
from regcopy.config.environment import Environment
from regcopy.copying.result import CopyResult
from regcopy.errors import NotFound
from regcopy.events import BlobDone, Event, ManifestWritten
from regcopy.testing.samples import multi_platform_image, single_image, write_layout
from tests.fake_registry import Exchange, FakeRegistry
from tests.lists import QUICK, is_copied, layout_lines

IMAGE = single_image()
NOTHING = Environment({})


@pytest.fixture
def layout(tmp_path: Path) -> str:
    """An image in a layout."""
    write_layout(IMAGE, tmp_path / "in", "1")
    return f"oci:{tmp_path}/in:1"


class Gate:
    """Keeps a request waiting, and tells that it came."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._open = threading.Event()

    def hold(self, _: Exchange) -> bool:
        self._came.set()
        self._open.wait(30)
        return False

    async def came(self) -> None:
        await asyncio.to_thread(self._came.wait, 20)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is open at the end of the test."""
    made = Gate()
    yield made
    made.open()


class Recorder:
    """Keeps events, and the threads that told them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.threads: set[int] = set()

    def notify(self, event: Event, /) -> None:
        self.events.append(event)
        self.threads.add(threading.get_ident())


def begin_copy(fake: FakeRegistry, tmp_path: Path) -> asyncio.Task[CopyResult]:
    """A task that copies `app:1`."""
    return asyncio.create_task(
        aio.copy(f"docker://{fake.host}/app:1", f"dir:{tmp_path}/out", source_access=QUICK)
    )


def test_an_image_is_copied_planned_inspected_and_deleted(layout: str, tmp_path: Path) -> None:
    async def work() -> None:
        plan = await aio.plan_copy(layout, f"oci:{tmp_path}/out:1", environment=NOTHING)
        assert plan.digest == IMAGE.digest
        result = await aio.copy(layout, f"oci:{tmp_path}/out:1", environment=NOTHING)
        assert result.digest == IMAGE.digest
        assert (await aio.inspect(f"oci:{tmp_path}/out:1")).digest == IMAGE.digest
        assert await aio.get_manifest(f"oci:{tmp_path}/out:1") == IMAGE.top
        await aio.delete(f"oci:{tmp_path}/out:1")
        with pytest.raises(NotFound):
            await aio.get_manifest(f"oci:{tmp_path}/out:1")

    asyncio.run(work())


def test_tags_come_as_a_list(fake: FakeRegistry) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.hold(IMAGE, "app", "2")
    tags = asyncio.run(aio.list_tags(f"docker://{fake.host}/app", access=QUICK))
    assert tags == ["1", "2"]


def test_the_loop_runs_on_while_an_image_is_copied(
    fake: FakeRegistry, tmp_path: Path, gate: Gate
) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.on("GET", "/manifests/", gate.hold)

    async def work() -> None:
        copying = begin_copy(fake, tmp_path)
        await gate.came()
        assert not copying.done()
        gate.open()
        assert (await copying).digest == IMAGE.digest

    asyncio.run(work())


def test_many_calls_go_on_at_once(fake: FakeRegistry) -> None:
    fake.hold(IMAGE, "app", "1")
    everybody = threading.Barrier(12)

    def wait_for_all(_: Exchange) -> bool:
        everybody.wait(20)
        return False

    fake.on("GET", "/manifests/", wait_for_all, forever=True)

    async def work() -> None:
        name = f"docker://{fake.host}/app:1"
        calls = (aio.get_manifest(name, access=QUICK) for _ in range(12))
        assert await asyncio.gather(*calls) == [IMAGE.top] * 12

    asyncio.run(work())


def test_a_task_that_is_cancelled_stops_its_copy_and_leaves_nothing(
    fake: FakeRegistry, tmp_path: Path, gate: Gate
) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.on("GET", "/blobs/", gate.hold, forever=True)

    async def work() -> None:
        copying = begin_copy(fake, tmp_path)
        await gate.came()
        copying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copying
        assert not (tmp_path / "out").exists()

    asyncio.run(work())
    assert is_over()


def test_a_task_that_is_cancelled_twice_still_waits_until_its_copy_has_cleaned_up(
    fake: FakeRegistry, tmp_path: Path, gate: Gate
) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.on("GET", "/blobs/", gate.hold, forever=True)

    async def work() -> None:
        copying = begin_copy(fake, tmp_path)
        await gate.came()
        while not copying.done():
            copying.cancel()
            await asyncio.sleep(0)
        assert copying.cancelled()
        assert not (tmp_path / "out").exists()

    asyncio.run(work())


def is_over() -> bool:
    """Tell whether the threads of all calls have ended."""
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("regcopy-aio") for thread in threading.enumerate()):
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


def test_a_time_limit_of_asyncio_ends_a_copy(
    fake: FakeRegistry, tmp_path: Path, gate: Gate
) -> None:
    fake.on("GET", "/manifests/", gate.hold, forever=True)

    async def work() -> None:
        async with asyncio.timeout(0.2):
            await aio.copy(
                f"docker://{fake.host}/app:1", f"dir:{tmp_path}/out", source_access=QUICK
            )

    with pytest.raises(TimeoutError):
        asyncio.run(work())


def test_observers_are_called_in_the_loop_before_the_copy_ends(layout: str, tmp_path: Path) -> None:
    recorder = Recorder()

    async def work() -> None:
        await aio.copy(layout, f"dir:{tmp_path}/out", observer=recorder, environment=NOTHING)
        assert isinstance(recorder.events[-1], ManifestWritten)

    asyncio.run(work())
    assert recorder.threads == {threading.get_ident()}
    assert sum(isinstance(event, BlobDone) for event in recorder.events) == len(IMAGE.blobs)


async def events_of(lines: list[str]) -> list[LineEvent]:
    return [event async for event in aio.copy_many(lines, environment=NOTHING)]


def test_a_list_is_copied(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 5)
    events = asyncio.run(events_of(lines.texts))
    assert sum(isinstance(event, LineEnded) for event in events) == 5
    assert isinstance(events[-1], ListEnded)
    assert all(is_copied(image, tmp_path / f"out-{n}") for n, image in enumerate(lines.images))


def test_a_bad_list_is_told_with_the_first_event() -> None:
    with pytest.raises(BadList):
        asyncio.run(events_of(["one"]))


def test_leaving_a_list_stops_its_copies(fake: FakeRegistry, tmp_path: Path, gate: Gate) -> None:
    fake.hold(multi_platform_image(), "app", "1")
    fake.on("GET", "/blobs/", gate.hold, forever=True)
    lines = [f"docker://{fake.host}/app:1 dir:{tmp_path}/{n}" for n in range(3)]

    async def work() -> None:
        async with aclosing(aio.copy_many(lines, source_access=QUICK)) as events:
            async for _ in events:
                if fake.asked("GET", "/blobs/"):
                    break

    asyncio.run(work())
    assert is_over()
    assert [path for path in tmp_path.iterdir() if path.name in "012"] == []
