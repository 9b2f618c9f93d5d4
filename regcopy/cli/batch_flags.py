"""The flags of `batch`: those of `copy` that make sense for all lines, and its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from regcopy.cli.command import FlagGroup
from regcopy.cli.copy_flags import COPY_FLAGS
from regcopy.cli.flags import Flag
from regcopy.cli.progress_flags import PROGRESS

# About one image, or about how one copy is told.
_OF_ONE_IMAGE: Final = frozenset(
    {
        *("additional-tag", "digestfile", "dry-run", "progress", "progress-fd", "quiet"),
        "sign-identity",
    }
)

LIST: Final = FlagGroup(
    "The list",
    (
        Flag("jobs", "uint", "lines under way at once", short="j", default="16"),
        Flag("fail-fast", "bool", "begin nothing new once a line has failed"),
        Flag("max-failures", "uint", "begin nothing new once so many lines have failed"),
        Flag("dry-run", "bool", "tell what would be copied, and write nothing"),
        Flag(
            "resume",
            metavar="FILE",
            help="skip what this report of an earlier run shows done, where the destination "
            "still has it, without a look at the source; may be the file of --report, which then "
            "need not exist yet",
        ),
    ),
)
SHARDS: Final = FlagGroup(
    "A part of the list",
    (
        Flag(
            "shard",
            metavar="I/N",
            help="take only the I-th of N parts, as even in bytes as may be; auto/N takes I from "
            "JOB_COMPLETION_INDEX, which counts from 0",
        ),
        Flag("plan", metavar="FILE", help="take the parts from this file of `plan --json`"),
        Flag(
            "no-estimate",
            "bool",
            "divide by a hash of the names, without reading any manifest before",
        ),
    ),
)
OUTCOME: Final = FlagGroup(
    "What is told",
    (
        Flag("report", metavar="FILE", help="write one JSON object for each line, as it ends"),
        Flag(
            "failures",
            metavar="FILE",
            help="write the lines that are not done; the file is a list that can be run again",
        ),
        *PROGRESS,
        Flag("quiet", "bool", "tell nothing but errors", short="q"),
    ),
)


def copy_groups() -> tuple[FlagGroup, ...]:
    """Flags of `copy` that hold for every line."""
    groups = (
        replace(group, flags=tuple(flag for flag in group.flags if flag.name not in _OF_ONE_IMAGE))
        for group in COPY_FLAGS
    )
    return tuple(group for group in groups if group.flags)


BATCH_FLAGS: Final = (LIST, SHARDS, OUTCOME, *copy_groups())
