"""Events: values that can be compared, and an observer that ignores them."""

from __future__ import annotations

from regcopy.events import BlobAdvanced, BlobStarted, Observer, Silent
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest


def test_equal_events_are_equal() -> None:
    blob = Descriptor("x/y", Digest.of(b"x"), 1)

    assert BlobStarted(blob, "layer") == BlobStarted(blob, "layer")
    assert BlobStarted(blob, "layer") != BlobStarted(blob, "config")


def test_somebody_who_does_not_want_to_know_is_an_observer_too() -> None:
    observer: Observer = Silent()

    observer.notify(BlobAdvanced(Digest.of(b"x"), 1))
