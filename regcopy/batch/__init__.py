"""Many copies in one run: lists, their reports, and their division among machines.

    from regcopy.batch import LineEnded, copy_many

    for event in copy_many(["docker://quay.io/team/app:1 docker://mirror.example.com/app:1"]):
        if isinstance(event, LineEnded):
            print(event.report.status, event.report.digest)

All copies of a list share connections, tokens and what is known about blobs. A line that
fails stops no other.
"""

from regcopy.batch.estimate import Estimate, estimate_lines
from regcopy.batch.events import (
    LineAdvanced,
    LineEnded,
    LineEvent,
    LineStarted,
    ListEnded,
    ListStarted,
    RequestRepeated,
    event_json,
)
from regcopy.batch.lines import BadList, Line, Problem, parse_list, read_list
from regcopy.batch.plan_file import SharedPlan
from regcopy.batch.report import Failure, LineReport, ListReport
from regcopy.batch.report_file import ReportWriter, merge_reports, read_reports
from regcopy.batch.resume import current_digest
from regcopy.batch.run import DEFAULT_JOBS, copy_many
from regcopy.batch.sharding import Part, Shard, part_by_hash, split_by_bytes

__all__ = [
    "DEFAULT_JOBS",
    "BadList",
    "Estimate",
    "Failure",
    "Line",
    "LineAdvanced",
    "LineEnded",
    "LineEvent",
    "LineReport",
    "LineStarted",
    "ListEnded",
    "ListReport",
    "ListStarted",
    "Part",
    "Problem",
    "ReportWriter",
    "RequestRepeated",
    "Shard",
    "SharedPlan",
    "copy_many",
    "current_digest",
    "estimate_lines",
    "event_json",
    "merge_reports",
    "parse_list",
    "part_by_hash",
    "read_list",
    "read_reports",
    "split_by_bytes",
]
