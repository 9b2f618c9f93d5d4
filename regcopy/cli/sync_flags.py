"""The flags of `sync`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from regcopy.cli.command import FlagGroup
from regcopy.cli.copy_signing import SIGNING
from regcopy.cli.flags import Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags
from regcopy.cli.progress_flags import PROGRESS

_WHERE: Final = FlagGroup(
    "From where to where",
    (
        Flag("src", short="s", metavar="KIND", help="what SOURCE names: docker, dir or yaml"),
        Flag("dest", short="d", metavar="KIND", help="what DESTINATION names: docker or dir"),
        Flag(
            "scoped",
            "bool",
            "give each destination the whole name of its source, and not only the last part",
        ),
        Flag("append-suffix", metavar="TEXT", help="put this behind the tag of each destination"),
    ),
)
_WHAT: Final = FlagGroup(
    "What is copied",
    (
        Flag("all", "bool", "copy all images of an index, and the index", short="a"),
        Flag(
            "include-tag-regex",
            "strings",
            "of repositories that are copied as a whole, only tags that match; repeatable",
            metavar="REGEX",
        ),
        Flag(
            "exclude-tag-regex",
            "strings",
            "of such repositories, leave out tags that match; repeatable",
            metavar="REGEX",
        ),
        Flag(
            "skip-existing",
            "bool",
            "leave out images whose name the destination has, whatever image that is",
        ),
        Flag(
            "delete",
            "bool",
            "after all was copied, delete tags of the destination that the source has no more; try "
            "it with --dry-run first",
        ),
        Flag(
            "format",
            short="f",
            metavar="FORM",
            help="form of the manifests to write: oci, v2s2 or v2s1; as at the source by default",
        ),
        Flag("preserve-digests", "bool", "fail rather than change a byte of a manifest or layer"),
        Flag(
            "referrers",
            "bool",
            "between registries: copy what refers to the image, too, such as signatures, SBOMs and "
            "attestations; then no byte of a manifest or layer may change",
        ),
        Flag("remove-signatures", "bool", "leave the signatures of the source behind"),
    ),
)
_HOW: Final = FlagGroup(
    "How it is copied",
    (
        Flag("dry-run", "bool", "tell what would be copied, and write nothing"),
        Flag("keep-going", "bool", "begin new copies after one has failed"),
        Flag("jobs", "uint", "images under way at once", short="j", default="16"),
        Flag(
            "digestfile",
            metavar="FILE",
            help="write a line with digest and destination of each copy to this file",
        ),
        *PROGRESS,
        Flag("authfile", metavar="FILE", help="file with credentials for both sides"),
        TOKEN_HOST,
        *RETRY.flags,
    ),
)
_SIGNING: Final = replace(
    SIGNING, flags=tuple(flag for flag in SIGNING.flags if flag.name != "sign-identity")
)
_UNLISTED: Final = FlagGroup(
    "",
    (
        Flag("screds", hidden=True, secret=True),
        Flag("dcreds", hidden=True, secret=True),
        Flag("tls-verify", "bool", hidden=True),
    ),
)

SYNC_FLAGS: Final = (
    _WHERE,
    _WHAT,
    _HOW,
    image_flags("src-", "Source", blobs=False),
    image_flags("dest-", "Destination", blobs=False),
    _SIGNING,
    _UNLISTED,
)
