"""`tekton`: the step of the Tekton Task, without a shell between its parameters and the copy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from regcopy.cli.batch_exits import EXIT_CODES, list_exit_code
from regcopy.cli.batch_flags import BATCH_FLAGS
from regcopy.cli.batch_list import part_of_list, read_named_list, tell_bad_list
from regcopy.cli.batch_run import check_list_flags, check_list_is_kept, run_list
from regcopy.cli.command import Command, FlagGroup, Invocation
from regcopy.cli.exits import FAILED
from regcopy.cli.flags import CommandLineError, Flag
from regcopy.cli.tekton_parameters import PARAMETERS, PREFIX, with_parameters
from regcopy.cli.tekton_results import NAMES, Results, result_paths, write_results
from regcopy.errors import RegcopyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regcopy.batch.lines import Line
    from regcopy.batch.report import ListReport

_LIST_FILE: Final = "url.txt"
_LIST_HINT: Final = (
    "the workspace images-url must have the file url.txt, "
    "as after: kubectl create configmap images --from-file=url.txt"
)
_TASK: Final = FlagGroup(
    "The Task",
    (
        Flag("src-image-url", metavar="REF", help="image to copy; needs --dest-image-url"),
        Flag("dest-image-url", metavar="REF", help="where to copy it"),
        Flag("workspace", metavar="DIR", help="folder with url.txt, where no image is named"),
        Flag("list", metavar="FILE", help="the list, instead of url.txt in the workspace"),
        Flag(
            "result",
            "strings",
            metavar="NAME=FILE",
            help=f"where a result of the Task goes; repeatable; names: {', '.join(NAMES)}",
        ),
    ),
)
_DESCRIPTION: Final = f"""
Copies one image, named by two parameters, or all images of url.txt in a workspace, as `batch` does;
then it writes the results of the Task.

Parameters come from flags, or from environment variables, so that no shell takes them apart:
{", ".join(f"{PREFIX}{one.variable} ({one.flag})" for one in PARAMETERS)}; and
{PREFIX}RESULT_<name> for the file of a result. An empty variable says nothing.

Results are digests and names only. IMAGE_URL, IMAGE_DIGEST, SOURCE_DIGEST and DESTINATION_DIGEST
are empty for a list of several images; IMAGES has host/repository@digest for each image, as many as
there is room for: Tekton takes 4 kB of results. FAILED_COUNT counts lines that are not done.
{EXIT_CODES}
""".strip()


def _run(call: Invocation) -> int:
    if call.names:
        raise CommandLineError(f"`{call.program} tekton` takes no names")
    call = with_parameters(call)
    check_list_flags(call)
    paths = result_paths(call)
    lines = _one_image(call)
    is_one = bool(lines)
    if not lines:
        name = _list_name(call)
        check_list_is_kept(call, name)
        try:
            lines = read_named_list(name)
        except RegcopyError as error:
            error.hint = error.hint or _LIST_HINT
            return tell_bad_list(call.console, error)
        is_one = len(lines) == 1
        lines = part_of_list(call, lines)
    return _copy(call, lines, paths, is_one=is_one)


def _copy(
    call: Invocation, lines: tuple[Line, ...], paths: Mapping[str, str], *, is_one: bool
) -> int:
    results = Results(is_one)

    def finish(report: ListReport) -> None:
        values, left_out = results.values(report)
        write_results(paths, values)
        if left_out and "IMAGES" in paths:
            call.console.log(
                "warning",
                f"the result IMAGES had no room for {left_out} images",
                hint="the parameter report names a file that has room for all",
            )

    return list_exit_code(run_list(call, lines, ended=results.take, finish=finish))


def _one_image(call: Invocation) -> tuple[Line, ...]:
    """The image that the parameters name, () where they name none.

    Raises:
        CommandLineError: one of the two is missing, or is no reference.
    """
    source, destination = (call.values.string(f"{side}-image-url") for side in ("src", "dest"))
    if not source and not destination:
        return ()
    if not source or not destination:
        given, missing = (
            ("srcImageURL", "destImageURL")
            if source
            else (
                "destImageURL",
                "srcImageURL",
            )
        )
        raise CommandLineError(
            f"{given} is given, and {missing} is not",
            hint="give both for one image, and neither for the list in the workspace",
        )
    from regcopy.batch.lines import make_line

    try:
        return (make_line(1, source, destination),)
    except UsageError as error:
        raise CommandLineError(
            f"srcImageURL and destImageURL: {error.message}", hint=error.hint
        ) from None


def _list_name(call: Invocation) -> str:
    named, workspace = call.values.string("list"), call.values.string("workspace")
    if named:
        return named
    if workspace:
        return os.path.join(workspace, _LIST_FILE)
    raise CommandLineError(
        "there is nothing to copy",
        hint="give srcImageURL and destImageURL, or the workspace images-url with url.txt",
    )


COMMAND: Final = Command(
    name="tekton",
    usage="[flags]",
    description=_DESCRIPTION,
    examples=(
        "tekton",
        "tekton --workspace /workspace/images-url --result IMAGES=/tekton/results/IMAGES",
    ),
    groups=(_TASK, *BATCH_FLAGS),
    run=_run,
    stops_itself=True,
    not_found=FAILED,
)
