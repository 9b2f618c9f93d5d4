"""The ledger: one at a time for each blob and domain, and who has what."""

from __future__ import annotations

import threading

import pytest

from regcopy.copying.ledger import Ledger
from regcopy.errors import Cancelled
from regcopy.model.digest import Digest
from regcopy.testing.memory import MemoryStore

BLOB = Digest.of(b"blob")
OTHER = Digest.of(b"other")
HERE = MemoryStore().reference("app")


def go_on() -> None:
    """Never stop."""


def stop() -> None:
    raise Cancelled("cancelled")


def test_nobody_has_a_blob_at_first() -> None:
    assert Ledger().holders("registry", BLOB) == {}


def test_a_blob_is_known_by_domain_and_scope() -> None:
    ledger = Ledger()
    ledger.note("registry", "app", BLOB, HERE)
    assert ledger.holders("registry", BLOB) == {"app": HERE}
    assert ledger.holders("elsewhere", BLOB) == ledger.holders("registry", OTHER) == {}


def test_two_do_not_bring_one_blob_at_once() -> None:
    ledger = Ledger()
    inside, most = 0, 0
    lock = threading.Lock()

    def bring() -> None:
        nonlocal inside, most
        with ledger.alone("registry", BLOB, go_on):
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 1


def test_other_blobs_and_other_domains_do_not_wait() -> None:
    ledger = Ledger()
    with (
        ledger.alone("registry", BLOB, stop),
        ledger.alone("registry", OTHER, stop),
        ledger.alone("elsewhere", BLOB, stop),
    ):
        pass


def test_who_waits_can_be_stopped() -> None:
    ledger = Ledger()
    with (
        ledger.alone("registry", BLOB, go_on),
        pytest.raises(Cancelled),
        ledger.alone("registry", BLOB, stop),
    ):
        pass


def test_after_a_failure_the_next_one_has_its_turn() -> None:
    ledger = Ledger()
    with pytest.raises(KeyError), ledger.alone("registry", BLOB, go_on):
        raise KeyError
    with ledger.alone("registry", BLOB, stop):
        assert ledger.holders("registry", BLOB) == {}
