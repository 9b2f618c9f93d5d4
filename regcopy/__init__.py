"""Copy container images between registries, layouts, archives and daemons; verify every byte.

    import regcopy

    result = regcopy.copy("docker://quay.io/team/app:1", "oci:folder:1")
    print(result.digest, result.bytes_copied)

What there is for programs; all else may change at any time:

    regcopy              copy, plan_copy, inspect, get_manifest, list_tags, delete: each one call,
                         from any thread; and the values that they take and give, all frozen
    regcopy.Session      the same calls, which share connections and tokens
    regcopy.errors       what they raise; regcopy.errors.NotFound is one
    regcopy.events       what observers are told
    regcopy.aio          the same calls for programs with an event loop
    regcopy.batch        lists of copies: copy_many
    regcopy.checking     verify_image, diff_images, read_image_tree; open_image reads single blobs
    regcopy.serving      RegistryServer: a registry in this process, for your tests, too
    regcopy.testing      images to put into it, and the tests that each transport must pass
    regcopy.transports   parse_reference, and in `base` the contract for transports of your own
    regcopy.trust        in `signers` who sign what is copied: GpgSigner, SigstoreSigner
    regcopy.config       in `environment` Environment, for other variables than the process has

Nothing is printed. What is logged, below the name "regcopy", is of level DEBUG. Names are loaded
when they are first used: `import regcopy` alone costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.late_names import late_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from regcopy import aio, batch, checking, errors, events
    from regcopy.api import (
        copy,
        delete,
        get_manifest,
        inspect,
        list_tags,
        plan_copy,
    )
    from regcopy.auth.credential import Credential
    from regcopy.copying.image_info import ImageInfo
    from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
    from regcopy.copying.result import CopiedImage, CopyResult, DryRun
    from regcopy.errors import (
        Cancelled,
        ContentError,
        PolicyRejected,
        RegcopyError,
        TransportError,
        UsageError,
    )
    from regcopy.events import Event, Observer
    from regcopy.model.digest import Digest
    from regcopy.model.platform import Platform
    from regcopy.session import Access, Session
    from regcopy.transports.base import Clocks, RetryPolicy, SideOptions
    from regcopy.trust.options import TrustOptions

__all__ = [
    "Access",
    "Cancelled",
    "Clocks",
    "CompressionOptions",
    "ContentError",
    "CopiedImage",
    "CopyOptions",
    "CopyResult",
    "Credential",
    "Digest",
    "DryRun",
    "Event",
    "ImageInfo",
    "Instances",
    "Observer",
    "Platform",
    "PolicyRejected",
    "RegcopyError",
    "RetryPolicy",
    "Session",
    "SideOptions",
    "TransportError",
    "TrustOptions",
    "UsageError",
    "aio",
    "batch",
    "checking",
    "copy",
    "delete",
    "errors",
    "events",
    "get_manifest",
    "inspect",
    "list_tags",
    "plan_copy",
]

# Name → module that has it, or is it; tests compare with the imports above and with __all__.
_HOMES: Final = {
    "Access": "regcopy.session",
    "Cancelled": "regcopy.errors",
    "Clocks": "regcopy.transports.base",
    "CompressionOptions": "regcopy.copying.options",
    "ContentError": "regcopy.errors",
    "CopiedImage": "regcopy.copying.result",
    "CopyOptions": "regcopy.copying.options",
    "CopyResult": "regcopy.copying.result",
    "Credential": "regcopy.auth.credential",
    "Digest": "regcopy.model.digest",
    "DryRun": "regcopy.copying.result",
    "Event": "regcopy.events",
    "ImageInfo": "regcopy.copying.image_info",
    "Instances": "regcopy.copying.options",
    "Observer": "regcopy.events",
    "Platform": "regcopy.model.platform",
    "PolicyRejected": "regcopy.errors",
    "RegcopyError": "regcopy.errors",
    "RetryPolicy": "regcopy.transports.base",
    "Session": "regcopy.session",
    "SideOptions": "regcopy.transports.base",
    "TransportError": "regcopy.errors",
    "TrustOptions": "regcopy.trust.options",
    "UsageError": "regcopy.errors",
    "aio": "regcopy.aio",
    "batch": "regcopy.batch",
    "checking": "regcopy.checking",
    "copy": "regcopy.api",
    "delete": "regcopy.api",
    "errors": "regcopy.errors",
    "events": "regcopy.events",
    "get_manifest": "regcopy.api",
    "inspect": "regcopy.api",
    "list_tags": "regcopy.api",
    "plan_copy": "regcopy.api",
}


if not TYPE_CHECKING:
    # A type checker that saw it would take every name for one of this module.
    __getattr__ = late_names(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
