"""Every wished-for difference from skopeo, in one place, with its reason.

`newer` follows a newer skopeo than Debian's 1.9.3; `better` is on purpose; `unsupported` is what
regcopy cannot do yet, and says so. `test_differences.py` runs each line through both programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["newer", "better", "unsupported"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        line: command line on which it shows; {0} is a name that each program has for itself.
        what: what is different, for the table of README.md; "" to leave it out there.
        reason: why that is wished for.
    """

    kind: Kind
    line: str
    what: str
    reason: str

    @property
    def command(self) -> str:
        """Command that it is about; "" for the program as a whole."""
        words = (word for word in self.line.split() if not word.startswith("-"))
        return next(words, "")


_MISSING: Final = "what is not there is told by exit code 2 for every transport"
_NAMED: Final = "a name that cannot be used is refused before anything is done"
_OLD: Final = "exit code 0 after a wrong command line is a fault of the old version"

DIFFERENCES: Final = (
    Difference("newer", "list-tags", "", _OLD),
    Difference("newer", "list-tags a b", "", _OLD),
    Difference("newer", "copy oci:one:t dir:{0} extra", "", _OLD),
    Difference("newer", "help bogus", "", _OLD),
    Difference("newer", "sync", "", _OLD),
    Difference(
        "newer", "copy --multi-arch=bogus oci:four:t dir:{0}", "", "it takes platforms as well"
    ),
    Difference("newer", "delete oci:one:t", "", "images of layouts can be deleted"),
    Difference(
        "better",
        "copy --format=oci dir:docker dir:{0}",
        "says when the digest changes, and why",
        "who pulls by digest must know",
    ),
    Difference(
        "better",
        "copy --preserve-digests dir:docker oci:{0}:t",
        "`--preserve-digests` is kept or refused",
        "the old version changes the digest all the same",
    ),
    Difference(
        "better",
        "copy oci:one:gone dir:{0}",
        "exit code 2 for what is missing, in every transport, and nothing is left behind",
        _MISSING,
    ),
    Difference("better", "copy oci:gone:t dir:{0}", "", _MISSING),
    Difference("better", "copy dir:gone dir:{0}", "", _MISSING),
    Difference("better", "inspect --raw oci:gone:t", "exit code 2 for what is missing", _MISSING),
    Difference("better", "inspect --raw dir:gone", "", _MISSING),
    Difference("better", "inspect --raw oci:one:gone", "", _MISSING),
    Difference("better", "copy dir: dir:{0}", "", _NAMED),
    Difference("better", "copy oci: dir:{0}", "", _NAMED),
    Difference("better", "copy oci:one:t dir:", "", _NAMED),
    Difference("better", "inspect dir:", "", _NAMED),
    Difference(
        "better",
        "copy docker://localhost:1/A dir:{0}",
        "messages name what they are about",
        "the message repeats what was wrong",
    ),
    Difference(
        "better",
        "copy --src-creds=:b oci:one:t dir:{0}",
        "",
        "the message names the flag that is wrong",
    ),
    Difference(
        "better",
        "--override-arch=mips copy oci:four:t dir:{0}",
        "",
        "the message says which platforms there are, and no empty folder stays behind",
    ),
    Difference(
        "better",
        "sync --src dir --dest docker docker localhost:1/A",
        "several images at once; all names are checked before anything is copied; what cannot be "
        "listed makes it fail",
        "the message repeats the name; tests/compat/test_sync.py has what needs registries",
    ),
    Difference(
        "better",
        "experimental-image-proxy --sockfd=99",
        "protocol 0.2.8; raw blobs are verified too",
        "the message says what to give it; what is newer than 0.2.3 has its own tests",
    ),
    Difference(
        "unsupported",
        "copy --format=v2s1 oci:one:t dir:{0}",
        "`--format v2s1`",
        "schema 1 is obsolete, and registries refuse it",
    ),
)
