"""Contexts built by hand, for tests that call a transport without the engine."""

from __future__ import annotations

import threading

from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain
from regcopy.config.environment import Environment
from regcopy.errors import Side
from regcopy.events import Event, Observer, Silent
from regcopy.transports.base import Clocks, Context, RetryPolicy, SideOptions

# As patient as the real one in number, and not in time.
QUICK = RetryPolicy(first_delay_seconds=0.001)


class Recorder:
    """Observer that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event, /) -> None:
        """Keep it."""
        self.events.append(event)


class Clock(threading.Event):
    """Takes the place of the `cancelled` event: a wait is over at once, and is remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note how long it would have been; tell whether it was set."""
        self.waits.append(timeout or 0.0)
        self.now += timeout or 0.0
        return self.is_set()


def make_context(
    side: Side = "source",
    *,
    options: SideOptions | None = None,
    credential: Credential | None = None,
    observer: Observer | None = None,
    retry: RetryPolicy = QUICK,
    clocks: Clocks | None = None,
    read_only: bool = False,
) -> Context:
    """Make a context that knows nothing of this machine; plain HTTP is allowed by default."""
    return Context(
        side=side,
        options=options or SideOptions(tls_verify=False),
        keychain=FixedKeychain(credential),
        environment=Environment({}),
        observer=observer or Silent(),
        retry=retry,
        clocks=clocks or Clocks(),
        read_only=read_only,
    )
