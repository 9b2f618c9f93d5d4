"""The flags of `copy`."""

from __future__ import annotations

from typing import Final

from regcopy.cli.command import FlagGroup
from regcopy.cli.copy_signing import SIGNING
from regcopy.cli.flags import Flag
from regcopy.cli.groups import RETRY, TOKEN_HOST, image_flags
from regcopy.cli.progress_flags import PROGRESS

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
            help="form of the manifests to write: oci, v2s2 or v2s1; as at the source by default",
        ),
        Flag("preserve-digests", "bool", "fail rather than change a byte of a manifest or layer"),
        Flag(
            "referrers",
            "bool",
            "between registries: copy what refers to the image, too, such as signatures, SBOMs and "
            "attestations; then no byte of a manifest or layer may change",
        ),
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
        *PROGRESS,
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
        Flag("dest-compress", "bool", "compress plain layers on the way into a dir: folder"),
        Flag("dest-decompress", "bool", "decompress layers on the way into a dir: folder"),
        Flag(
            "dest-compress-format",
            metavar="FORM",
            help="gzip, zstd or zstd:chunked (of which podman can fetch only the files that it "
            "lacks), for layers that are compressed on the way; a registry and a layout then get "
            "all layers so, but for those they have already in another compression",
        ),
        Flag(
            "dest-compress-level",
            metavar="LEVEL",
            help="0 to 9 for gzip, 1 to 22 for zstd and zstd:chunked (above 11 counts as 11)",
        ),
        Flag(
            "dest-force-compress-format",
            "bool",
            "with --dest-compress-format: layers that are there in another compression will not do",
        ),
        Flag(
            "dest-precompute-digests",
            "bool",
            "make layers that are compressed on the way to a registry in temporary files, and "
            "upload only those that it does not have; other layers are asked for anyway",
        ),
    ),
)
_UNLISTED: Final = FlagGroup(
    "",
    (
        Flag("screds", hidden=True, secret=True),
        Flag("dcreds", hidden=True, secret=True),
        Flag("tls-verify", "bool", hidden=True),
        Flag("decryption-key", "strings", later=True),
        Flag("encrypt-layer", "ints", later=True),
        Flag("encryption-key", "strings", later=True),
    ),
)

COPY_FLAGS: Final = (_WHAT, _REPORT, _HOW, _SOURCE, _DESTINATION, SIGNING, _UNLISTED)
