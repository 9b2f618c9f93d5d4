"""`batch`: all images of a list, several at once."""

from __future__ import annotations

from typing import Final

from regcopy.cli.batch_exits import EXIT_CODES, list_exit_code
from regcopy.cli.batch_flags import BATCH_FLAGS
from regcopy.cli.batch_list import list_name, part_of_list, read_named_list, tell_bad_list
from regcopy.cli.batch_run import check_list_flags, check_list_is_kept, run_list
from regcopy.cli.command import Command, Invocation
from regcopy.cli.exits import FAILED
from regcopy.errors import RegcopyError

_DESCRIPTION: Final = f"""
Copies every image of a list. A line of the list is SOURCE DESTINATION, then perhaps options; blank
lines and what follows a # are skipped. The images share connections, tokens and layers, and a line
that fails stops no other. Lines that make no sense, and two lines with one destination, are
refused before anything moves.

Options of a line, after its names: all, platform=os/arch[/variant][,…] (only these, and the index
is cut down to them), multi-arch=system|all|index-only|LIST, format=oci|v2s2|v2s1, preserve-digests,
referrers, src-tls-verify=false, dest-tls-verify=false. They go before what the flags say. As with
copy, an index is narrowed to the image for this machine unless --all, --multi-arch or --platform,
or the line, says otherwise.

Several lines may write into one archive (docker-archive:, oci-archive:), each image under a name of
its own. It has every layer once, and appears with all its images or not at all: if one of its lines
fails, they all do.

An image that is at its destination already is not copied again: two requests find that out, and
one with --resume. {EXIT_CODES}
""".strip()


def _run(call: Invocation) -> int:
    from regcopy.cli.help import usage_line

    name = list_name(call, usage_line(call.program, COMMAND))
    check_list_flags(call)
    check_list_is_kept(call, name)
    try:
        lines = read_named_list(name)
    except RegcopyError as error:
        return tell_bad_list(call.console, error)
    return list_exit_code(run_list(call, part_of_list(call, lines)))


COMMAND: Final = Command(
    name="batch",
    usage="[flags] FILE|-",
    description=_DESCRIPTION,
    examples=(
        "batch url.txt",
        "batch --all --jobs 8 --failures failed.txt --report report.jsonl url.txt",
        "batch --report report.jsonl --resume report.jsonl url.txt",
        "batch --dry-run url.txt",
        "batch --shard 2/8 url.txt",
        "batch --progress json --progress-fd 3 -",
    ),
    groups=BATCH_FLAGS,
    run=_run,
    stops_itself=True,
    not_found=FAILED,
)
