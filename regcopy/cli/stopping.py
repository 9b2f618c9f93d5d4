"""How a run ends before it is done: by a signal, or because its time is over.

A handler of a signal does next to nothing: it writes one byte into a pipe, and a thread
that waits there does the rest. (`threading.Event.set` takes a lock, which the very code
that was interrupted may hold.) The end of the time allowed is a signal too, SIGALRM.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.cli.exits import FAILED, SIGNALLED

if TYPE_CHECKING:
    from signal import _HANDLER

GRACE_SECONDS: Final = 4.0
_LONGEST_SECONDS: Final = 10 * 365 * 24 * 3600.0


class Stopped(BaseException):
    """Raised in the main thread of a command that does not look at `cancelled`."""


class Stopper:
    """Ends the work inside its `with` block in order where it can, and in any case soon.

    Args:
        cancelled: set when the work is to stop.
        program: name that starts the last line of a hard end.
        timeout_seconds: the work is stopped after this time; 0 for never.
        interrupt: raise `Stopped` in the main thread as well.
        grace_seconds: a program that has not ended by then is ended hard.
    """

    def __init__(
        self,
        cancelled: threading.Event,
        *,
        program: str,
        timeout_seconds: float = 0.0,
        interrupt: bool = False,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._cancelled = cancelled
        self._program = program
        self._timeout = min(timeout_seconds, _LONGEST_SECONDS)
        self._interrupt = interrupt
        self._grace = grace_seconds
        self._signal = 0
        self._before: dict[signal.Signals, _HANDLER] = {}
        self._reader = self._writer = -1

    @property
    def reason(self) -> str:
        """Why the work was stopped, "" where it was not."""
        return self._reason(self._signal) if self._signal else ""

    @property
    def exit_code(self) -> int:
        """What the program ends with once it was stopped."""
        return _code(self._signal)

    def __enter__(self) -> Self:
        # Only the main thread may set handlers; a caller in another one has its own ways.
        if threading.current_thread() is not threading.main_thread():
            return self
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        watcher = threading.Thread(target=self._watch, name="regcopy-signals", daemon=True)
        watcher.start()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # What the caller has set to be ignored (nohup, a shell's &) stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        if self._timeout > 0:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._handle)
            signal.setitimer(signal.ITIMER_REAL, self._timeout)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        if self._writer < 0:
            return
        if self._timeout > 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)
        os.close(self._writer)  # the watcher sees the end, and closes the other side

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._signal:
            if number != signal.SIGALRM:
                self._end_hard(number, "")
            return
        self._signal = number
        with suppress(OSError):
            os.write(self._writer, b"s")
        if self._interrupt:
            raise Stopped

    def _watch(self) -> None:
        try:
            if not os.read(self._reader, 1):
                return
            self._cancelled.set()
            ended, _, _ = select.select([self._reader], [], [], self._grace)
            if not ended:
                self._end_hard(self._signal, " (it did not end in order)")
        finally:
            os.close(self._reader)

    def _end_hard(self, number: int, remark: str) -> None:
        # No lock is taken here: whoever holds one may be what hangs.
        line = f"{self._program}: error: {self._reason(number)}{remark}\n"
        with suppress(OSError):
            if select.select([], [2], [], 0)[1]:
                os.write(2, line.encode())
        os._exit(_code(number))

    def _reason(self, number: int) -> str:
        if number == signal.SIGALRM:
            return f"stopped: --command-timeout of {self._timeout:g} s is over"
        return f"stopped by {signal.Signals(number).name}"


def _code(number: int) -> int:
    return FAILED if number == signal.SIGALRM else SIGNALLED + number
