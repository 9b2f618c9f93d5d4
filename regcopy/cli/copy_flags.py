"""The flags of `copy`."""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import FlagGroup
from regcopy.cli.copy_signing import SIGNING
from regcopy.cli.flags import Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags

_WHAT: Final = FlagGroup(
    "What is copied",
    (
        Flag("all", "bool", "copy all images of an index, and the index", short="a"),
        Flag(
            "multi-arch",
            metavar="WHICH",
            help="of an index copy: system (the image for this machine), all, index-only, or the "
            "index and a list of platforms such as linux/amd64,linux/arm64/v8",
            default="system",
        ),
        Flag(
            "platform",
            "strings",
            "copy the index and the images for these platforms, and take the others out of the "
            "index; repeatable",
            metavar="PLATFORM",
        ),
        Flag(
            "strip-removed-platforms",
            "bool",
            "with a list in --multi-arch: take the images that are not copied out of the index",
        ),
        Flag(
            "format",
            short="f",
            metavar="FORM",
            help="form of the manifests to write: oci or v2s2; as at the source by default",
        ),
        Flag("preserve-digests", "bool", "fail rather than change a byte of a manifest or layer"),
        Flag(
            "remove-signatures",
            "bool",
            "leave the signatures of the source behind",
        ),
        Flag(
            "additional-tag",
            "strings",
            "one more tag for the copy, in the same repository; repeatable",
            metavar="TAG",
        ),
    ),
)
_REPORT: Final = FlagGroup(
    "What is told",
    (
        Flag("dry-run", "bool", "tell what would be copied, and write nothing"),
        Flag("quiet", "bool", "tell nothing but errors", short="q"),
        Flag("digestfile", metavar="FILE", help="write the digest of the copy to this file"),
    ),
)
_HOW: Final = FlagGroup(
    "How it is copied",
    (
        Flag("image-parallel-copies", "uint", "blobs under way at once"),
        Flag("authfile", metavar="FILE", help="file with credentials for both sides"),
        TOKEN_HOST,
        *RETRY.flags,
    ),
)
_SOURCE: Final = image_flags("src-", "Source")
_DESTINATION: Final = FlagGroup(
    "Destination",
    (
        *image_flags("dest-", "").flags,
        Flag(
            "dest-oci-accept-uncompressed-layers",
            "bool",
            "do not compress plain layers on the way into an oci: layout",
        ),
    ),
)
_UNLISTED: Final = FlagGroup(
    "",
    (
        Flag("screds", hidden=True),
        Flag("dcreds", hidden=True),
        Flag("tls-verify", "bool", hidden=True),
        Flag("decryption-key", "strings", later=True),
        Flag("dest-compress", "bool", later=True),
        Flag("dest-compress-format", later=True),
        Flag("dest-compress-level", later=True),
        Flag("dest-decompress", "bool", later=True),
        Flag("dest-force-compress-format", "bool", later=True),
        Flag("dest-precompute-digests", "bool", later=True),
        Flag("encrypt-layer", "ints", later=True),
        Flag("encryption-key", "strings", later=True),
    ),
)

COPY_FLAGS: Final = (_WHAT, _REPORT, _HOW, _SOURCE, _DESTINATION, SIGNING, _UNLISTED)
