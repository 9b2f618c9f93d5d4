"""Large windows of zstd take turns, and ordinary ones do not wait."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator

import pytest

from regcopy.errors import Cancelled
from regcopy.model.digest import Digest
from regcopy.streams.ahead import ReadAhead
from regcopy.streams.decompress import Unpacked
from regcopy.streams.watched import Watched
from regcopy.streams.windows import WindowBudget, window_bytes
from regcopy.streams.zstd import CompressionParameter, ZstdCompressor

MIB = 1024 * 1024


def frame(log: int, content: bytes = b"content", *, checksum: bool = False) -> bytes:
    """A frame whose header asks for a window of that size."""
    options: dict[int, int] = {
        CompressionParameter.window_log: log,
        CompressionParameter.checksum_flag: int(checksum),
    }
    compressor = ZstdCompressor(options=options)
    return compressor.compress(content) + compressor.flush()


def whole_frame(content: bytes) -> bytes:
    """A frame that says how large it is, and has no window."""
    return ZstdCompressor().compress(content, ZstdCompressor.FLUSH_FRAME)


def never_stopped() -> None:
    """Nothing was stopped."""


@pytest.mark.parametrize("log", [10, 17, 23, 25, 27])
def test_the_window_is_read_from_the_header(log: int) -> None:
    assert window_bytes(frame(log, checksum=True)) == 1 << log


def test_a_window_between_two_powers_is_read() -> None:
    # RFC 8878, section 3.1.1.1.2: exponent 10 and mantissa 7.
    assert window_bytes(b"\x28\xb5\x2f\xfd\x00\x57") == MIB + 7 * MIB // 8


@pytest.mark.parametrize("size", [0, 1, 255])
def test_a_frame_without_a_window_takes_its_size(size: int) -> None:
    assert window_bytes(whole_frame(bytes(size))) == size


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (b"\x20\x05", 5),
        (b"\x21\x09\x05", 5),
        (b"\x22\x09\x09\x05", 5),
        (b"\xa3\x09\x09\x09\x09\x00\x00\x00\x01", 16 * MIB),
        (b"\xe0\x00\x00\x00\x00\x01\x00\x00\x00", 2**32),
    ],
)
def test_the_number_of_a_dictionary_is_passed_over(header: bytes, size: int) -> None:
    assert window_bytes(b"\x28\xb5\x2f\xfd" + header) == size


@pytest.mark.parametrize(
    "head", [b"", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18\x04\0\0\0xxxx", b"\x1f\x8b\x08\0\0\0\0"]
)
def test_what_is_no_header_takes_nothing(head: bytes) -> None:
    assert window_bytes(head) == 0


class Holder:
    """Holds a window in a thread of its own, until it is told to give it back."""

    def __init__(self, budget: WindowBudget, size: int) -> None:
        self.has = threading.Event()
        self.waits = threading.Event()
        self._end = threading.Event()
        self._budget = budget
        self._size = size
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        give_back = self._budget.hold(self._size, self.waits.set)
        self.has.set()
        self._end.wait(10)
        give_back()

    def gives_back(self) -> None:
        self._end.set()
        self._thread.join(10)


def test_large_windows_take_turns_in_the_order_they_came() -> None:
    budget = WindowBudget(32 * MIB)
    first = Holder(budget, 32 * MIB)
    assert first.has.wait(10)
    second = Holder(budget, 32 * MIB)
    assert second.waits.wait(10)
    third = Holder(budget, 16 * MIB)
    assert third.waits.wait(10)

    first.gives_back()

    assert second.has.wait(10)
    assert not third.has.is_set()
    second.gives_back()
    assert third.has.wait(10)
    third.gives_back()


def test_two_that_fit_are_held_at_once() -> None:
    budget = WindowBudget(32 * MIB)
    holders = [Holder(budget, 16 * MIB) for _ in range(2)]
    assert all(holder.has.wait(10) for holder in holders)
    for holder in holders:
        holder.gives_back()


@pytest.mark.parametrize("size", [0, MIB, 8 * MIB, 33 * MIB])
def test_usual_windows_and_those_that_are_refused_do_not_wait(size: int) -> None:
    budget = WindowBudget(32 * MIB)
    budget.hold(32 * MIB, never_stopped)
    budget.hold(size, lambda: pytest.fail("it waited"))()


def test_a_wait_ends_when_the_run_is_stopped() -> None:
    budget = WindowBudget(32 * MIB)
    give_back = budget.hold(32 * MIB, never_stopped)

    def stopped() -> None:
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        budget.hold(32 * MIB, stopped)
    give_back()
    budget.hold(32 * MIB, lambda: pytest.fail("it waited for who is gone"))()


def test_nobody_waits_for_ever() -> None:
    budget = WindowBudget(32 * MIB, patience_seconds=0)
    budget.hold(32 * MIB, never_stopped)
    budget.hold(32 * MIB, never_stopped)


class Ledger:
    """Writes down what is held."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.held = 0

    def hold(self, size: int) -> Callable[[], None]:
        self.asked.append(size)
        self.held += size

        def give_back() -> None:
            self.held -= size

        return give_back


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Give one, and look that nothing is held at the end."""
    made = Ledger()
    yield made
    assert made.held == 0


def test_room_is_asked_for_before_each_frame_and_given_back_behind_it(ledger: Ledger) -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0skip"
    stored = frame(24, b"one") + skipped + bytes(1000) + frame(11, b"two") + whole_frame(b"three")
    stream = Unpacked(io.BytesIO(stored), "zstd", hold=ledger.hold)

    content = b"".join(iter(stream.read, b""))

    assert content == b"onetwothree"
    assert ledger.asked == [16 * MIB, 0, 2048, 5]
    assert ledger.held == 0
    stream.close()


def test_a_header_that_comes_in_pieces_is_read(ledger: Ledger) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1)

    stream = Unpacked(Slow(frame(24) + frame(25)), "zstd", hold=ledger.hold)
    assert b"".join(iter(stream.read, b"")) == b"contentcontent"
    assert ledger.asked == [16 * MIB, 32 * MIB]
    stream.close()


def test_room_is_given_back_where_reading_ends_early(ledger: Ledger) -> None:
    stream = Unpacked(io.BytesIO(frame(25, bytes(MIB))), "zstd", hold=ledger.hold)
    stream.read(10)
    assert ledger.held == 32 * MIB
    stream.close()
    stream.close()


def test_a_layer_that_is_watched_holds_room_until_it_is_closed(ledger: Ledger) -> None:
    stored = frame(25, bytes(3 * MIB))
    reader = Watched(io.BytesIO(stored), Digest.of(stored), lambda _: None, hold=ledger.hold)
    reader.read(10)
    assert ledger.held == 32 * MIB
    reader.close()


def test_other_compressions_ask_for_nothing(ledger: Ledger) -> None:
    import gzip

    stream = Unpacked(io.BytesIO(gzip.compress(b"x")), "gzip", hold=ledger.hold)
    assert (stream.read(), ledger.asked) == (b"x", [])
    stream.close()


def test_layers_with_large_windows_are_unpacked_one_after_another_and_all_arrive() -> None:
    budget = WindowBudget(32 * MIB)
    stored = frame(25, bytes(3 * MIB))

    def layer() -> ReadAhead:
        unpacked = Unpacked(
            io.BytesIO(stored), "zstd", hold=lambda size: budget.hold(size, never_stopped)
        )
        return ReadAhead(unpacked)

    layers = [layer() for _ in range(4)]
    arrived = [0] * len(layers)

    def read(number: int) -> None:
        while block := layers[number].read():
            arrived[number] += len(block)

    threads = [threading.Thread(target=read, args=(n,), daemon=True) for n in range(len(layers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for stream in layers:
        stream.close()
    assert arrived == [3 * MIB] * len(layers)
