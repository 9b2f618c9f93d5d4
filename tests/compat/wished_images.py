"""Wished-for differences that show on images in files."""

from __future__ import annotations

from typing import Final

from tests.compat.difference import Difference

_MISSING: Final = "what is not there is told by exit code 2 for every transport"
_NAMED: Final = "a name that cannot be used is refused before anything is done"
_FLAG: Final = "newer versions have the flag"
_ENCRYPTION: Final = "encrypted layers are not supported yet, and the message says so"
_OLD: Final = "exit code 0 after a wrong command line is a fault of the old version"

IMAGES: Final = (
    Difference("newer", "list-tags", "", _OLD),
    Difference("newer", "list-tags a b", "", _OLD),
    Difference("newer", "copy oci:one:t dir:{0} extra", "", _OLD),
    Difference("newer", "help bogus", "", _OLD),
    Difference("newer", "sync", "", _OLD),
    Difference("newer", "completion nope", "", _OLD),
    Difference("newer", "generate-sigstore-key", "", "newer versions have the command"),
    Difference("newer", "--tls-details=gone inspect docker://localhost:1/a", "", _FLAG),
    Difference("newer", "--require-signed inspect --raw oci:one:t", "", _FLAG),
    Difference("newer", "--user-agent-prefix=x inspect --raw oci:one:t", "", _FLAG),
    Difference("newer", "copy --dest-force-compress-format dir:docker dir:{0}", "", _FLAG),
    Difference("newer", "inspect oci:one:t", "", "newer versions have more fields"),
    Difference("newer", "copy --multi-arch=index-only oci:four:t dir:{0}", "", "the newer words"),
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
        "copy --format=v2s1 dir:docker dir:{0}",
        "Docker schema 1 becomes schema 2 in a registry, unless `--format v2s1` says otherwise",
        "registries refuse schema 1; test_skopeo_schema1.py has what needs one that takes it",
    ),
    Difference(
        "better",
        "copy --preserve-digests dir:docker oci:{0}:t",
        "`--preserve-digests` is kept or refused",
        "the old version changes the digest all the same",
    ),
    Difference(
        "better",
        "copy dir:docker dir:docker",
        "an image that is copied onto itself stays",
        "no copy takes away what it reads",
    ),
    Difference(
        "better",
        "copy dir:docker dir:{0}/a/b",
        "folders above a new folder or layout are made",
        "they can only have been meant; scripts that make them first lose nothing",
    ),
    Difference("better", "copy dir:docker oci:{0}/a/b:t", "", "the same"),
    Difference(
        "better",
        "inspect docker://localhost:1/a",
        "what fails on the way to a registry is tried again without `--retry-times`",
        "networks and registries fail for moments, and a mirror of a thousand images meets them",
    ),
    Difference(
        "better",
        "layers oci:four:t",
        "the files of an index's image are an image that can be copied on",
        "a manifest and its blobs belong together",
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
    *(
        Difference("unsupported", f"copy {flag} oci:one:t oci:{{0}}:t", "", _ENCRYPTION)
        for flag in ("--encrypt-layer=0", "--encryption-key=jwe:x", "--decryption-key=x")
    ),
)
