"""Exit codes of the commands that copy a list: the one table.

0  all lines are done
1  anything else than the lines: a wrong flag, a report that cannot be written, --command-timeout
2  is not used: skopeo's code for "the image does not exist" means one image
3  some lines failed or were not finished, others are done
4  no line is done
5  the list cannot be read, or has bad lines; nothing was attempted
6  lines failed, and all of them because of credentials
7  the trust policy rejected a line, whatever else happened
128 + n  stopped by signal n
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.cli.exits import OK

if TYPE_CHECKING:
    from regcopy.batch.report import ListReport

SOME_FAILED: Final = 3
ALL_FAILED: Final = 4
BAD_LIST: Final = 5
CREDENTIALS: Final = 6
POLICY: Final = 7

EXIT_CODES: Final = (
    "Exit codes: 0 all lines are done; 3 some lines failed or were not finished; 4 no line is "
    "done; 5 the list is bad, and nothing was attempted; 6 lines failed, all of them because of "
    "credentials; 7 the trust policy rejected a line; 1 any other error."
)


def list_exit_code(report: ListReport) -> int:
    """Say what the program ends with after a list."""
    reasons = {failed.failure.reason for failed in report.failed if failed.failure}
    if "policy" in reasons:
        return POLICY
    if reasons == {"credentials"}:
        return CREDENTIALS
    if not report.failed and not report.stopped:
        return OK
    return SOME_FAILED if report.done or report.would_copy else ALL_FAILED
