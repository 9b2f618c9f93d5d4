"""What the images of one run share: made once, closed once, in the right order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from regcopy.streams.resources import Resources


class Thing:
    """Something that is closed, and notes it."""

    def __init__(self, name: str = "", closed: list[str] | None = None) -> None:
        self.name = name
        self.closed = [] if closed is None else closed

    def close(self) -> None:
        self.closed.append(self.name)


class OtherThing(Thing):
    """Another kind."""


def test_the_same_kind_and_key_give_the_same_thing() -> None:
    resources = Resources()

    assert resources.get(Thing, "a", Thing) is resources.get(Thing, "a", Thing)


def test_another_key_or_kind_gives_another_thing() -> None:
    resources = Resources()
    first = resources.get(Thing, "a", Thing)

    assert resources.get(Thing, "b", Thing) is not first
    assert resources.get(OtherThing, "a", OtherThing) is not first


def test_threads_that_ask_at_once_share_one_thing() -> None:
    resources, barrier, made = Resources(), threading.Barrier(8), []

    def make() -> Thing:
        made.append(1)
        return Thing()

    def ask(_: int) -> Thing:
        barrier.wait(timeout=10)
        return resources.get(Thing, "a", make)

    with ThreadPoolExecutor(8) as pool:
        things = set(pool.map(ask, range(8)))

    assert len(things) == len(made) == 1


def test_all_are_closed_once_and_the_newest_first() -> None:
    resources, closed = Resources(), list[str]()
    for name in ("a", "b", "c"):
        resources.get(Thing, name, partial(Thing, name, closed))

    resources.close()
    resources.close()

    assert closed == ["c", "b", "a"]


def test_one_that_cannot_be_closed_does_not_keep_the_others_open() -> None:
    class Stuck(Thing):
        def close(self) -> None:
            raise OSError("stuck")

    resources, closed = Resources(), list[str]()
    resources.get(Thing, "a", lambda: Thing("a", closed))
    resources.get(Stuck, "b", Stuck)

    with pytest.raises(OSError, match="stuck"):
        resources.close()
    assert closed == ["a"]


def test_what_could_not_be_made_is_made_the_next_time() -> None:
    def fail() -> Thing:
        raise OSError("no")

    resources = Resources()
    with pytest.raises(OSError, match="no"):
        resources.get(Thing, "a", fail)

    assert isinstance(resources.get(Thing, "a", Thing), Thing)
