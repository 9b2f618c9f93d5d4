"""Torture: request k of a good copy fails, for every k and every kind of fault.

Each time the copy must succeed by trying again, or end in one clear error with the image
that was at the destination untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import pytest

from regcopy.api import Access, copy
from regcopy.config.environment import Environment
from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.errors import ContentError, RegcopyError, TransportError
from regcopy.testing.samples import (
    SampleImage,
    make_layer,
    multi_platform_image,
    single_image,
)
from regcopy.transports.base import Clocks, RetryPolicy, SideOptions
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.schema1 import gzipped, schema1_image


class Work(NamedTuple):
    """What is copied, and how."""

    image: SampleImage
    options: CopyOptions


IMAGE: Final = multi_platform_image(layers=2, shared_layers=1)
ALL: Final = Work(IMAGE, CopyOptions(instances=Instances("all")))
CHANGED: Final[dict[str, Work]] = {
    "schema 1": Work(
        schema1_image(gzipped(make_layer("one", 3000), make_layer("two", 100)), empty=[1]),
        CopyOptions(format="v2s2"),
    ),
    "zstd:chunked": Work(
        single_image(layers=2),
        CopyOptions(compression=CompressionOptions(format="zstd:chunked", force=True)),
    ),
}
OLD: Final = single_image(seed="old")
QUICK: Final = Access(
    options=SideOptions(tls_verify=False),
    retry=RetryPolicy(first_delay_seconds=0.001),
    clocks=Clocks(connect_seconds=2, stall_seconds=0.3),
)


def reset(exchange: Exchange) -> bool:
    exchange.reset()
    return True


def server_error(exchange: Exchange) -> bool:
    exchange.error(500, "UNKNOWN")
    return True


def too_many_requests(exchange: Exchange) -> bool:
    exchange.error(429, "TOOMANYREQUESTS")
    return True


def short_body(exchange: Exchange) -> bool:
    exchange.cut = 10
    return False


def silence(exchange: Exchange) -> bool:
    # Longer than the client waits; the client hangs up, or the time is over.
    exchange._handler.connection.settimeout(1.0)
    exchange._handler.rfile.read(1 << 30)
    return True


def corrupt_byte(exchange: Exchange) -> bool:
    original = exchange.answer

    def answer(status: int, body: bytes = b"", headers: object = None) -> None:
        spoilt = bytes([body[0] ^ 1]) + body[1:] if body else body
        original(status, spoilt, headers)  # type: ignore[arg-type]

    exchange.answer = answer  # type: ignore[method-assign]
    return False


Check = Callable[[int, RegcopyError | None, FakeRegistry], None]
"""Looks at what a copy did whose request of that number failed."""

PASSING: Final[dict[str, Fault]] = {
    "reset": reset,
    "500": server_error,
    "429": too_many_requests,
    "short body": short_body,
    "silence": silence,
}


class Torturer(FakeRegistry):
    """Fails request number `victim`, counted from 0, in the way of `fault`."""

    def __init__(self, fault: Fault | None = None, victim: int = -1) -> None:
        super().__init__()
        self.fault = fault
        self.victim = victim
        self.count = 0

    def fault_for(self, method: str, target: str) -> Iterator[Fault]:
        with self.lock:
            number, self.count = self.count, self.count + 1
        if self.fault is not None and number == self.victim:
            yield self.fault


def attempt(source: Torturer, destination: Torturer, work: Work = ALL) -> RegcopyError | None:
    """Copy the image once, and give the error it ended with."""
    source.hold(work.image, "app", "1")
    destination.hold(OLD, "copy", "1")
    try:
        copy(
            f"docker://{source.host}/app:1",
            f"docker://{destination.host}/copy:1",
            options=work.options,
            source_access=QUICK,
            destination_access=QUICK,
            environment=Environment({}),
        )
    except RegcopyError as error:
        return error
    return None


def good_copy(work: Work) -> tuple[int, int]:
    """Requests to source and destination when nothing fails."""
    with Torturer() as source, Torturer() as destination:
        assert attempt(source, destination, work) is None
        return source.count, destination.count


def changed_image(work: Work) -> SampleImage:
    """What a good copy makes of an image that is changed on the way."""
    with Torturer() as source, Torturer() as destination:
        assert attempt(source, destination, work) is None
        blobs = {digest: blob for (_, digest), blob in destination.blobs.items()}
        return SampleImage(destination.manifests["copy", "1"], (), blobs)


def holds(registry: FakeRegistry, image: SampleImage) -> bool:
    """Whether the name at the destination stands for this image, with all it needs."""
    there = registry.manifests["copy", "1"] == image.top
    children = all(("copy", str(child.digest)) in registry.manifests for child in image.children)
    return there and children and all(("copy", digest) in registry.blobs for digest in image.blobs)


def victims(side: str, work: Work = ALL) -> range:
    requests = good_copy(work)
    return range(requests[0] if side == "source" else requests[1])


def torture(side: str, fault: Fault, check: Check, work: Work = ALL) -> None:
    for victim in victims(side, work):
        with (
            Torturer(fault if side == "source" else None, victim) as source,
            Torturer(fault if side == "destination" else None, victim) as destination,
        ):
            error = attempt(source, destination, work)
            assert (source if side == "source" else destination).count > victim
            check(victim, error, destination)


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_fault_that_passes_is_survived_at_every_request(side: str, name: str) -> None:
    def survived(victim: int, error: RegcopyError | None, destination: FakeRegistry) -> None:
        assert error is None, f"request {victim}: {error}"
        assert holds(destination, IMAGE), f"request {victim}"

    torture(side, PASSING[name], survived)


@pytest.mark.parametrize("fault", [reset, short_body])
@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("name", CHANGED)
def test_an_image_that_is_changed_on_the_way_survives_it_too(
    name: str, side: str, fault: Fault
) -> None:
    wanted = changed_image(CHANGED[name])

    def survived(victim: int, error: RegcopyError | None, destination: FakeRegistry) -> None:
        assert error is None, f"request {victim}: {error}"
        assert holds(destination, wanted), f"request {victim}"

    torture(side, fault, survived, CHANGED[name])


def whole_or_old(wanted: SampleImage) -> Check:
    """Say that the destination has the image, or what it had and a clear error."""

    def harmless(victim: int, error: RegcopyError | None, destination: FakeRegistry) -> None:
        if error is None:
            assert holds(destination, wanted), f"request {victim}"
        else:
            assert isinstance(error, ContentError | TransportError), f"request {victim}: {error!r}"
            assert "\n" not in str(error)
            assert holds(destination, OLD), f"request {victim}"

    return harmless


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_corrupt_byte_is_never_taken_over(side: str) -> None:
    torture(side, corrupt_byte, whole_or_old(IMAGE))


@pytest.mark.parametrize("name", CHANGED)
def test_a_corrupt_byte_does_not_get_into_an_image_that_is_changed(name: str) -> None:
    torture("source", corrupt_byte, whole_or_old(changed_image(CHANGED[name])), CHANGED[name])


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_fault_that_stays_ends_in_one_clear_error(side: str) -> None:
    def untouched(victim: int, error: RegcopyError | None, destination: FakeRegistry) -> None:
        if error is None:  # this request only cleans up, or asks what may stay unknown
            assert holds(destination, IMAGE), f"request {victim}"
        else:
            assert isinstance(error, TransportError), f"request {victim}: {error!r}"
            assert error.side == side
            assert "\n" not in str(error)
            assert holds(destination, OLD) or holds(destination, IMAGE), f"request {victim}"

    for victim in victims(side):
        with (
            FromThenOn(side == "source", victim) as source,
            FromThenOn(side == "destination", victim) as destination,
        ):
            untouched(victim, attempt(source, destination), destination)


class FromThenOn(Torturer):
    """Fails every request from number `victim` on, if it is the side that fails."""

    def __init__(self, fails: bool, victim: int) -> None:
        super().__init__(server_error if fails else None, victim)

    def fault_for(self, method: str, target: str) -> Iterator[Fault]:
        with self.lock:
            number, self.count = self.count, self.count + 1
        if self.fault is not None and number >= self.victim:
            yield self.fault
