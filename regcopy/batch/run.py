"""Copy all lines of a list: a few threads, each with one line at a time.

What the lines share (connections, tokens, retries, blobs) belongs to their `Session`; this
module only hands out lines and collects what became of them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Final

from regcopy.batch.events import (
    LineEnded,
    LineEvent,
    LineStarted,
    ListEnded,
    ListStarted,
    RequestRepeated,
)
from regcopy.batch.lines import Line, parse_list
from regcopy.batch.mailbox import LineObserver, Mailbox
from regcopy.batch.one_file import copy_together, put_together
from regcopy.batch.one_line import HowToCopy, copy_line
from regcopy.batch.report import LineReport, Totals
from regcopy.batch.resume import done_before
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.errors import UsageError
from regcopy.events import Event, Retrying
from regcopy.session import Access, Session
from regcopy.trust.options import TrustOptions

DEFAULT_JOBS: Final = 16
MAX_JOBS: Final = 256
# A signal ends the program after four seconds; copies under way need three to clean up.
_PATIENCE_SECONDS: Final = 3.4
_KEPT_ARCHIVES: Final = 4


def copy_many(
    lines: Iterable[str | Line],
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    jobs: int = DEFAULT_JOBS,
    max_failures: int = 0,
    dry_run: bool = False,
    resume: Iterable[LineReport] = (),
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> Generator[LineEvent, None, None]:
    """Copy many images, several at once, and tell what happens.

    The list is checked as a whole before this returns; the copies begin with the first
    event that is asked for. A line that fails is told by its `LineEnded` and stops no other.
    Whoever closes the iteration before its end stops the copies.

    Args:
        lines: each `SOURCE DESTINATION [option…]`, or lines of `parse_list`.
        options: which images and how, as far as a line does not say so itself.
        source_access: credentials, TLS and retries of all sources; each line has the budget
            of retries.
        destination_access: the same of all destinations.
        jobs: copies under way at once.
        max_failures: after so many failed lines nothing new is begun; 0 for no limit.
        dry_run: only find out what would be copied.
        resume: reports of earlier runs. A line that they show done is asked for at its
            destination, and is done again unless it is there with the same digest.
        cancelled: set it to stop; it is set when the iteration is left early.
        environment: variables and folders; those of the process by default.
        trust: which images may be copied; what the policy files say by default.

    Returns:
        events, `ListStarted` first and `ListEnded` last, also after a cancellation.

    Raises:
        BadList: with every line that makes no sense; nothing was attempted.
        UsageError: an impossible number of jobs.
        ConfigurationError: with the first event: the trust policy cannot be used.
    """
    if not 1 <= jobs <= MAX_JOBS:
        raise UsageError(f"{jobs} jobs at once: not a number from 1 to {MAX_JOBS}")
    parsed = _parsed(lines)
    stop = cancelled or threading.Event()
    how = HowToCopy(
        options or CopyOptions(),
        source_access or Access(),
        destination_access or Access(),
        dry_run,
        done_before(resume),
        stop,
    )
    run = _Run(
        parsed,
        how,
        jobs=jobs,
        max_failures=max_failures,
        cancelled=stop,
        environment=environment,
        trust=trust,
    )
    return run.events()


def _parsed(lines: Iterable[str | Line]) -> tuple[Line, ...]:
    if isinstance(lines, str):
        raise UsageError("one text in place of a list", hint="split it into its lines")
    given = list(lines)
    texts = [line for line in given if isinstance(line, str)]
    known = tuple(line for line in given if isinstance(line, Line))
    if len(texts) + len(known) != len(given):
        raise UsageError("each line of a list is a text or a Line")
    if texts and known:
        raise UsageError("a list of texts and lines: give the one or the other")
    if texts:
        return parse_list(texts)
    if len({line.number for line in known}) != len(known):
        raise UsageError("two lines have one number: they are not of one list")
    return known


class _Run:
    """One run over a list; all state that threads share is changed under one lock."""

    def __init__(
        self,
        lines: Sequence[Line],
        how: HowToCopy,
        *,
        jobs: int,
        max_failures: int,
        cancelled: threading.Event,
        environment: Environment | None,
        trust: TrustOptions | None,
    ) -> None:
        self._lines = lines
        self._how = how
        # A dry run writes no file, so its lines need not wait for each other.
        groups = [(line,) for line in lines] if how.dry_run else put_together(lines)
        self._jobs = min(jobs, len(groups))
        self._max_failures = max_failures
        self._cancelled = cancelled
        self._environment = environment
        self._trust = trust
        self._mailbox = Mailbox(cancelled)
        self._lock = threading.Lock()
        self._waiting = deque(groups)
        self._working = 0
        self._failures = 0
        self._repeated = 0
        self._totals = Totals()
        self._unfinished = {line.number: line for line in lines}

    def events(self) -> Generator[LineEvent, None, None]:
        """Begin, and give what happens until all has ended."""
        began = time.monotonic()
        yield ListStarted(len(self._lines))
        session = Session(
            environment=self._environment,
            cancelled=self._cancelled,
            observer=_Repeats(self),
            trust=self._trust,
        )
        try:
            with session:
                session.keep_archives(_KEPT_ARCHIVES)
                session.trust()  # a policy that cannot be used is told once, not by each line
                yield from self._copy(session)
        except BaseException:
            self._cancelled.set()
            raise
        yield ListEnded(
            self._totals.report(
                tuple(self._unfinished.values()),
                repeated_requests=self._repeated,
                seconds=time.monotonic() - began,
            )
        )

    def _copy(self, session: Session) -> Iterator[LineEvent]:
        self._working = self._jobs
        threads = [
            threading.Thread(
                target=self._work, args=(session,), name=f"regcopy-line-{n}", daemon=True
            )
            for n in range(self._jobs)
        ]
        for thread in threads:
            thread.start()
        try:
            yield from self._mail()
        except BaseException:
            self._cancelled.set()
            deadline = time.monotonic() + _PATIENCE_SECONDS
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            raise

    def _mail(self) -> Iterator[LineEvent]:
        """Give events until the threads have ended, or have had time enough to end."""
        deadline: float | None = None
        while True:
            is_over = self._is_over()  # asked before the mail is taken: nothing comes later
            event = self._mailbox.get(wait=not is_over)
            if event is not None:
                self._note(event)
                yield event
            elif is_over:
                return
            if self._cancelled.is_set():
                deadline = deadline or time.monotonic() + _PATIENCE_SECONDS
                if time.monotonic() > deadline:
                    return

    def _is_over(self) -> bool:
        with self._lock:
            return self._working == 0

    def _note(self, event: LineEvent) -> None:
        match event:
            case LineEnded(report=report):
                self._totals.add(report)
                if report.status != "stopped":
                    del self._unfinished[report.line]
            case RequestRepeated():
                self._repeated += 1
            case _:
                pass

    def _work(self, session: Session) -> None:
        try:
            while lines := self._take():
                for line, report in zip(lines, self._do(session, lines), strict=True):
                    self._count(report)
                    self._mailbox.put(LineEnded(line, report))
        finally:
            with self._lock:
                self._working -= 1
            self._mailbox.wake()

    def _do(self, session: Session, lines: tuple[Line, ...]) -> list[LineReport]:
        def begin(line: Line) -> LineObserver:
            self._mailbox.put(LineStarted(line))
            return LineObserver(line, self._mailbox)

        if len(lines) > 1:
            return copy_together(session, lines, self._how, begin, max_failures=self._max_failures)
        return [copy_line(session, lines[0], self._how, begin(lines[0]))]

    def _take(self) -> tuple[Line, ...]:
        with self._lock:
            enough = 0 < self._max_failures <= self._failures
            if self._cancelled.is_set() or enough or not self._waiting:
                return ()
            return self._waiting.popleft()

    def _count(self, report: LineReport) -> None:
        with self._lock:
            self._failures += report.status == "failed"

    def repeated(self, event: Retrying) -> None:
        """Tell of a request that is made again."""
        self._mailbox.offer(RequestRepeated(event))


class _Repeats:
    """Observer of the session: requests that are made again."""

    def __init__(self, run: _Run) -> None:
        self._run = run

    def notify(self, event: Event, /) -> None:
        """Pass it on."""
        if isinstance(event, Retrying):
            self._run.repeated(event)
