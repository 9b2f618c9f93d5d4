"""Copy what a sync has found, as a list is copied: several images at once."""

from __future__ import annotations

import threading
from collections.abc import Generator

from regcopy.batch.events import LineEvent
from regcopy.batch.line_options import LineOptions
from regcopy.batch.lines import Line
from regcopy.batch.run import copy_many
from regcopy.batch.sync.request import SyncPlan, SyncRequest
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.trust.options import TrustOptions


def sync_lines(plan: SyncPlan) -> tuple[Line, ...]:
    """Make a list of a plan; the n-th image is line n."""
    return tuple(
        Line(
            number,
            image.source,
            image.destination,
            options=LineOptions(source_access=image.access),
        )
        for number, image in enumerate(plan.images, 1)
    )


def sync_images(
    plan: SyncPlan,
    request: SyncRequest,
    *,
    options: CopyOptions | None = None,
    keep_going: bool = False,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
    trust: TrustOptions | None = None,
) -> Generator[LineEvent, None, None]:
    """Copy all images of a plan, and tell what happens; the n-th image is line n.

    Args:
        plan: of `plan_sync`.
        request: what was asked for.
        options: which images and how.
        keep_going: begin new copies after one has failed. What was begun is finished anyway.
        cancelled: set it to stop.
        environment: variables and folders; those of the process by default.
        trust: which images may be copied; what the policy files say by default.

    Returns:
        events, as `copy_many` gives them.
    """
    return copy_many(
        sync_lines(plan),
        options=options,
        source_access=request.source_access,
        destination_access=request.destination_access,
        jobs=request.jobs,
        max_failures=0 if keep_going else 1,
        cancelled=cancelled,
        environment=environment,
        trust=trust,
    )
