"""The library for programs with an event loop: the same calls, to be awaited.

    import asyncio
    from regcopy import aio

    async def mirror() -> None:
        async with asyncio.timeout(3600):
            result = await aio.copy("docker://quay.io/team/app:1", "oci:folder:1")
        print(result.digest)

    asyncio.run(mirror())

Every call works in a thread of its own, so that the loop never waits for it. A task that is
cancelled stops its call, and goes on once that has cleaned up behind it. Observers are called in
the loop, in the order of the events; they must not wait, and what they raise goes to the loop's
exception handler.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from regcopy import api, batch
from regcopy.batch.run import DEFAULT_JOBS
from regcopy.events import Event, Observer

if TYPE_CHECKING:
    from regcopy.batch import Line, LineEvent, LineReport
    from regcopy.config.environment import Environment
    from regcopy.copying.image_info import ImageInfo
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.result import CopyResult, DryRun
    from regcopy.model.manifest import RawManifest
    from regcopy.model.platform import Platform
    from regcopy.session import Access
    from regcopy.trust.options import TrustOptions

__all__ = [
    "copy",
    "copy_many",
    "delete",
    "get_manifest",
    "inspect",
    "list_tags",
    "plan_copy",
]

_Result = TypeVar("_Result")


async def copy(
    source: str,
    destination: str,
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    observer: Observer | None = None,
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> CopyResult:
    """Copy an image; arguments and errors as `regcopy.copy`."""
    told = _in_this_loop(observer)
    return await _call(
        lambda cancelled: api.copy(
            source,
            destination,
            options=options,
            source_access=source_access,
            destination_access=destination_access,
            observer=told,
            cancelled=cancelled,
            environment=environment,
            trust=trust,
        )
    )


async def plan_copy(
    source: str,
    destination: str,
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    observer: Observer | None = None,
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> DryRun:
    """Say what `copy` would do; arguments and errors as `regcopy.plan_copy`."""
    told = _in_this_loop(observer)
    return await _call(
        lambda cancelled: api.plan_copy(
            source,
            destination,
            options=options,
            source_access=source_access,
            destination_access=destination_access,
            observer=told,
            cancelled=cancelled,
            environment=environment,
            trust=trust,
        )
    )


async def get_manifest(
    reference: str,
    *,
    access: Access | None = None,
    environment: Environment | None = None,
) -> RawManifest:
    """Give the exact bytes of a manifest; arguments and errors as `regcopy.get_manifest`."""
    return await _call(
        lambda cancelled: api.get_manifest(
            reference, access=access, cancelled=cancelled, environment=environment
        )
    )


async def inspect(
    reference: str,
    *,
    platform: Platform | None = None,
    access: Access | None = None,
    environment: Environment | None = None,
) -> ImageInfo:
    """Read manifest and config of an image; arguments and errors as `regcopy.inspect`."""
    return await _call(
        lambda cancelled: api.inspect(
            reference,
            platform=platform,
            access=access,
            cancelled=cancelled,
            environment=environment,
        )
    )


async def list_tags(
    reference: str,
    *,
    access: Access | None = None,
    environment: Environment | None = None,
) -> list[str]:
    """Give all tags of a repository; arguments and errors as `regcopy.list_tags`."""
    return await _call(
        lambda cancelled: list(
            api.list_tags(reference, access=access, cancelled=cancelled, environment=environment)
        )
    )


async def delete(
    reference: str,
    *,
    access: Access | None = None,
    environment: Environment | None = None,
) -> None:
    """Delete an image; arguments and errors as `regcopy.delete`."""
    await _call(
        lambda cancelled: api.delete(
            reference, access=access, cancelled=cancelled, environment=environment
        )
    )


async def copy_many(
    lines: Iterable[str | Line],
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    jobs: int = DEFAULT_JOBS,
    max_failures: int = 0,
    dry_run: bool = False,
    resume: Iterable[LineReport] = (),
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> AsyncGenerator[LineEvent, None]:
    """Copy many images; arguments, events and errors as `regcopy.batch.copy_many`.

    The list is checked with the first event that is asked for. Whoever leaves the iteration
    before its end should close it (`contextlib.aclosing`), which stops the copies.
    """
    cancelled = threading.Event()
    with _Thread(cancelled) as thread:
        events = await thread.run(
            lambda: batch.copy_many(
                lines,
                options=options,
                source_access=source_access,
                destination_access=destination_access,
                jobs=jobs,
                max_failures=max_failures,
                dry_run=dry_run,
                resume=resume,
                cancelled=cancelled,
                environment=environment,
                trust=trust,
            )
        )
        try:
            while (event := await thread.run(lambda: next(events, None))) is not None:
                yield event
        finally:
            cancelled.set()
            await thread.run(events.close)


async def _call(call: Callable[[threading.Event], _Result]) -> _Result:
    cancelled = threading.Event()
    with _Thread(cancelled) as thread:
        return await thread.run(lambda: call(cancelled))


class _Thread:
    """A thread that does one thing after another for a task."""

    def __init__(self, cancelled: threading.Event) -> None:
        """Begin; `cancelled` is set to end what it is doing."""
        self._cancelled = cancelled
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="regcopy-aio")

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Do something, and wait for its result.

        Raises:
            asyncio.CancelledError: the task was cancelled; the work has ended by then.
        """
        done: Future[_Result] = self._executor.submit(work)
        waiting = asyncio.wrap_future(done)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            self._cancelled.set()
            # A copy that is stopped ends in a few seconds: its threads have a limit of their own.
            while not waiting.done():
                with suppress(asyncio.CancelledError):  # a task may be cancelled more than once
                    await asyncio.wait([waiting])
            if not waiting.cancelled():
                waiting.exception()  # told by nobody: the task is over
            raise

    def __enter__(self) -> _Thread:
        return self

    def __exit__(self, *_: object) -> None:
        self._cancelled.set()
        self._executor.shutdown(wait=False)


def _in_this_loop(observer: Observer | None) -> Observer | None:
    return None if observer is None else _InLoop(observer, asyncio.get_running_loop())


class _InLoop:
    """Passes events to an observer in the loop."""

    def __init__(self, observer: Observer, loop: asyncio.AbstractEventLoop) -> None:
        self._observer = observer
        self._loop = loop

    def notify(self, event: Event, /) -> None:
        """Pass one on."""
        self._loop.call_soon_threadsafe(self._observer.notify, event)
