"""`plan`: how a list is divided among machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.batch_exits import BAD_LIST
from regcopy.cli.batch_files import check_writable, write_text
from regcopy.cli.batch_flags import copy_groups
from regcopy.cli.batch_list import estimates, jobs, list_name, read_named_list, tell_bad_list
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED, OK
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.errors import RegcopyError
from regcopy.text import human_bytes

if TYPE_CHECKING:
    from regcopy.batch.lines import Line
    from regcopy.batch.plan_file import SharedPlan

_DESCRIPTION: Final = f"""
Divides a list into parts for several machines, and tells the size of each. The manifests of all
images are read; no layer is. The parts are even in bytes, and images that share layers stay
together as far as that allows. `batch --shard I/N` copies one part: with --plan it takes the parts
from what this command wrote; without, it divides the list by itself in the same way, which is right
as long as no tag moves in between, and needs every source to answer.

The bytes of a part are those of its layers, each counted once, wherever they are already. Lines
whose image cannot be read count as nothing. Exit codes: 0, {BAD_LIST} where the list is bad, 1 for
any other error.
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.cli.help import usage_line

    name = list_name(call, usage_line(call.program, COMMAND))
    path = call.values.string("output")
    _check(call, path)
    try:
        lines = read_named_list(name)
    except RegcopyError as error:
        return tell_bad_list(call.console, error)
    plan = _plan(call, lines)
    as_json = call.values.boolean("json")
    if path:
        write_text(path, _json(plan), "the plan")
    if not path or not as_json:
        call.console.out(_json(plan) if as_json else plan_text(plan))
    return OK


def _check(call: Invocation, path: str) -> None:
    from regcopy.batch.run import MAX_JOBS
    from regcopy.batch.sharding import MAX_SHARDS

    if not 1 <= call.values.integer("shards") <= MAX_SHARDS:
        raise CommandLineError(f"--shards must be a number from 1 to {MAX_SHARDS}")
    if not 1 <= jobs(call) <= MAX_JOBS:
        raise CommandLineError(f"--jobs must be a number from 1 to {MAX_JOBS}")
    if path:
        check_writable(path, "the plan")


def _plan(call: Invocation, lines: tuple[Line, ...]) -> SharedPlan:
    from regcopy.batch.plan_file import SharedPlan
    from regcopy.batch.sharding import split_by_bytes

    found = estimates(call, lines, is_divided_once=True)
    unknown = [one.line for one in found if not one.known]
    for line in unknown:
        call.console.log("warning", f"line {line.number}: the source cannot be read")
    parts = split_by_bytes(found, call.values.integer("shards"))
    return SharedPlan.of(lines, parts, unknown=len(unknown))


def _json(plan: SharedPlan) -> str:
    import json

    return json.dumps(plan.to_json(), indent=2) + "\n"


def plan_text(plan: SharedPlan) -> str:
    """Describe a plan, one part a line."""
    count = len(plan.parts)
    rows = [("PART", "IMAGES", "BYTES")]
    rows += [
        (f"{number}/{count}", str(len(lines)), human_bytes(size))
        for number, (lines, size) in enumerate(plan.parts, 1)
    ]
    total = sum(size for _, size in plan.parts)
    rows.append(("all", str(sum(len(lines) for lines, _ in plan.parts)), human_bytes(total)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        f"{part:<{widths[0]}}  {images:>{widths[1]}}  {size:>{widths[2]}}\n"
        for part, images, size in rows
    )


_PLAN: Final = FlagGroup(
    "The plan",
    (
        Flag("shards", "uint", "number of parts", metavar="N"),
        Flag("json", "bool", "print JSON, for `batch --plan`"),
        Flag("output", short="o", metavar="FILE", help="write the JSON to this file"),
        Flag("jobs", "uint", "images that are read at once", short="j", default="16"),
    ),
)

COMMAND: Final = Command(
    name="plan",
    usage="[flags] FILE|- --shards N",
    description=_DESCRIPTION,
    examples=("plan url.txt --shards 8", "plan url.txt --shards 8 --json -o plan.json"),
    groups=(_PLAN, *(group for group in copy_groups() if group.title != "Destination")),
    run=_run,
    stops_itself=True,
    not_found=FAILED,
)
