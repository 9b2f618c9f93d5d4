"""The library: copy, inspect, list tags and delete, each one call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from regcopy.auth.credential import Credential
from regcopy.config.environment import Environment
from regcopy.copying.options import CopyOptions
from regcopy.copying.result import CopyResult, DryRun
from regcopy.events import Observer
from regcopy.model.digest import Digest
from regcopy.model.manifest import ParsedManifest, RawManifest
from regcopy.model.platform import Platform
from regcopy.transports.base import Clocks, RetryPolicy, SideOptions


@dataclass(frozen=True, slots=True)
class Access:
    """How one place is reached.

    Attributes:
        credential: used instead of any file.
        anonymous: use no credential at all.
        authfile: file with credentials, instead of the default ones; must be readable.
        options: TLS and transport options of this side.
    """

    credential: Credential | None = None
    anonymous: bool = False
    authfile: str = ""
    options: SideOptions = field(default_factory=SideOptions)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clocks: Clocks = field(default_factory=Clocks)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image, for people and scripts.

    Attributes:
        name: repository as the registry knows it, "" for other transports.
        digest: digest of the top manifest (of the index, where the tag names one).
        raw: top manifest as received.
        manifest: the image chosen for the platform.
        config: exact bytes of its config.
    """

    name: str
    tag: str
    digest: Digest
    raw: RawManifest = field(repr=False)
    manifest: ParsedManifest = field(repr=False)
    config: bytes = field(repr=False)


def copy(
    source: str,
    destination: str,
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> CopyResult: ...


def plan_copy(
    source: str,
    destination: str,
    *,
    options: CopyOptions | None = None,
    source_access: Access | None = None,
    destination_access: Access | None = None,
    observer: Observer | None = None,
    cancelled: threading.Event | None = None,
    environment: Environment | None = None,
) -> DryRun: ...


def get_manifest(
    reference: str, *, access: Access | None = None, environment: Environment | None = None
) -> RawManifest: ...


def inspect(
    reference: str,
    *,
    platform: Platform | None = None,
    access: Access | None = None,
    environment: Environment | None = None,
) -> ImageInfo: ...


def list_tags(
    reference: str, *, access: Access | None = None, environment: Environment | None = None
) -> Iterator[str]: ...


def delete(
    reference: str, *, access: Access | None = None, environment: Environment | None = None
) -> None: ...
