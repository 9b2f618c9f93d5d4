"""The contract that every transport implements, and nothing else.

A transport is a module with one `Transport` object. It needs nothing of ours but the
shape: these are protocols, not base classes. Abilities that only some transports have are
one small protocol each, asked for with `isinstance`.

Threads: the engine calls the methods of one source or destination from as many threads as
its `max_parallel` says, and never calls `commit` or `close` while another call runs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from regcopy.streams.resources import Resources

if TYPE_CHECKING:
    from regcopy.auth.keychain import Keychain
    from regcopy.config.environment import Environment
    from regcopy.config.tls_details import TlsDetails
    from regcopy.errors import Side
    from regcopy.events import Observer
    from regcopy.model.descriptor import Descriptor
    from regcopy.model.digest import Digest
    from regcopy.model.manifest import RawManifest
    from regcopy.streams.blob import BlobStream, Readable


def _check_positive(name: str, value: float) -> None:
    if value <= 0:
        from regcopy.errors import UsageError

        raise UsageError(f"{name} is {value}, where more than 0 is needed")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a request is repeated.

    Attributes:
        tries: attempts for one request, the first included; for an upload in parts, attempts in a
            row that got it no further.
        delay_seconds: fixed wait between tries; None for exponential back-off with jitter.
        first_delay_seconds: where the exponential back-off begins.
        budget: repeated requests allowed on one side of one copy, all requests together.
        longest_wait_seconds: a server that asks for a longer wait is not waited for.
        total_seconds: no new try for a request begins so long after the first one failed.

    Raises:
        UsageError: there is not even one try.
    """

    tries: int = 5
    delay_seconds: float | None = None
    first_delay_seconds: float = 0.5
    budget: int = 30
    longest_wait_seconds: float = 60.0
    total_seconds: float = 900.0

    def __post_init__(self) -> None:
        _check_positive("tries", self.tries)


class Uses:
    """How often a context was given out in its session: each copy has a budget of its own.

    Clients live as long as the session, and what one copy has spent must not be missing in
    the next. Safe for use by several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    @property
    def count(self) -> int:
        """At least 1: whoever has a context uses it."""
        return max(1, self._count)

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self._count += 1

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Three clocks against silence, in seconds, and the slowest rate, in bytes a second.

    Raises:
        UsageError: a clock that gives no time at all.
    """

    connect_seconds: float = 15.0
    stall_seconds: float = 30.0
    slow_window_seconds: float = 60.0
    slow_rate_bytes: int = 1024

    def __post_init__(self) -> None:
        _check_positive("connect_seconds", self.connect_seconds)
        _check_positive("stall_seconds", self.stall_seconds)
        _check_positive("slow_window_seconds", self.slow_window_seconds)


@dataclass(frozen=True, slots=True)
class SideOptions:
    """What one side of a copy was told: the `--src-…` or `--dest-…` flags.

    Attributes:
        tls_verify: False allows plain HTTP and unverified certificates, for this host only;
            None is the default, which verifies.
        cert_dir: folder with `*.crt`, `*.cert` and `*.key` for this side.
        token_hosts: `host[:port]` of token services that may get the credentials although
            they belong to another domain than the registry.
        shared_blob_dir: folder that holds the blobs of several `oci:` layouts.
        daemon_host: address of the Docker daemon, such as `unix:///var/run/docker.sock`; ""
            for that in DOCKER_HOST, or the usual one.
        chunk_threshold_bytes: larger blobs are uploaded in resumable chunks of this size.
        tls_details: what versions and cipher suites of TLS must be like; None for the usual.

    Raises:
        UsageError: chunks of no size.
    """

    tls_verify: bool | None = None
    cert_dir: str = ""
    token_hosts: tuple[str, ...] = ()
    shared_blob_dir: str = ""
    daemon_host: str = ""
    accept_uncompressed_layers: bool = False
    chunk_threshold_bytes: int = 1024 * 1024 * 1024
    user_agent_prefix: str = ""
    tls_details: TlsDetails | None = None

    def __post_init__(self) -> None:
        _check_positive("chunk_threshold_bytes", self.chunk_threshold_bytes)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a transport may have from the outside; one for each side of a run.

    Attributes:
        read_only: nothing may be begun at the destination, not even an upload (`--dry-run`).
        resources: what all images of one side share, such as connections; closed by whoever
            made the context.
    """

    side: Side
    options: SideOptions
    keychain: Keychain
    environment: Environment
    observer: Observer
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clocks: Clocks = field(default_factory=Clocks)
    cancelled: threading.Event = field(default_factory=threading.Event)
    read_only: bool = False
    resources: Resources = field(default_factory=Resources)

    def sleep(self, seconds: float) -> None:
        """Wait, but not after the run was cancelled.

        Raises:
            Cancelled: the run was cancelled before the time was over.
        """
        if self.cancelled.wait(seconds):
            self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise Cancelled once the run was cancelled."""
        from regcopy.errors import Cancelled

        if self.cancelled.is_set():
            raise Cancelled("cancelled")


@dataclass(frozen=True, slots=True)
class RequestCosts:
    """Requests that one side makes over the network, for estimates before a copy.

    Attributes:
        manifest: for each manifest.
        new_blob: for each blob that moves.
        known_blob: for each blob that is there already, or is mounted.
        image: once for the whole.
    """

    manifest: int = 0
    new_blob: int = 0
    known_blob: int = 0
    image: int = 0


LayerForm = Literal["any", "compressed", "plain", "plain or gzip"]
"""How a destination takes layers: as they are, compressed (plain ones are gzipped on the way
in, which is skopeo's default for registries and layouts), as plain tar files, or as they are
unless they are packed with zstd, which then are unpacked."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Facts about a destination.

    Attributes:
        manifest_types: media types it takes; empty means any.
        layers: how it takes layers; the engine compresses or decompresses on the way.
        max_parallel: threads that may call it at once.
        required_digest: the one digest that the top manifest may have, where the name says it.
        lacks_foreign: layers that may not be distributed are left at their own addresses.
        costs: requests it makes.
        no_signatures: why it keeps no signatures, in skopeo's words, where it keeps none.
    """

    manifest_types: frozenset[str] = frozenset()
    layers: LayerForm = "any"
    max_parallel: int = 1
    required_digest: Digest | None = None
    lacks_foreign: bool = False
    costs: RequestCosts = field(default_factory=RequestCosts)
    no_signatures: str = "Storing signatures is not supported"


class Closing(Protocol):
    """Something that holds files or connections until it is closed."""

    def close(self) -> None:
        """Give everything back; may be called twice."""
        ...

    def __enter__(self) -> Self:
        """Return itself."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close."""
        ...


class ImageSource(Closing, Protocol):
    """One image (or index) that can be read."""

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        ...

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the exact bytes of the top manifest, or of one that an index names.

        The bytes are checked against the digest wherever one was asked for, and a source
        resolves its tag once: later calls speak of the same top manifest.

        Raises:
            NotFound: there is no such image.
            DigestMismatch, SizeMismatch, LimitExceeded: the bytes are not what they claim.
        """
        ...

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open raw bytes from `offset` on; the caller verifies them through a BlobStream."""
        ...


class ImageDestination(Closing, Protocol):
    """A place that one image (or index) is written to.

    Leaving the context without `commit` leaves what was visible before untouched.
    """

    @property
    def capabilities(self) -> Capabilities:
        """Facts about this place."""
        ...

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the blob is there already, and make it part of this image if so."""
        ...

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Write a blob, whole or not at all, and give its descriptor.

        The stream is read to its end; it raises there when the bytes are wrong. Faults of
        this place that may pass are repeated here, with `stream.restart`.
        """
        ...

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Take a manifest; its blobs and children are there. `top` is the one that is named.

        Called children first. The name of the image does not change before `commit`.
        """
        ...

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Make the top manifest visible under the image's name (and under more tags)."""
        ...


class ImageReference(Protocol):
    """A name of an image in one transport: frozen, hashable, prints as it was written."""

    @property
    def transport(self) -> str:
        """Name of the transport, such as `docker`."""
        ...

    @property
    def policy_identity(self) -> str:
        """Scope that policy.json matches first (containers-policy.json(5)); "" for none."""
        ...

    @property
    def policy_namespaces(self) -> Sequence[str]:
        """Wider scopes, from the narrowest to the widest."""
        ...

    def open_source(self, context: Context, /) -> ImageSource:
        """Open for reading.

        Raises:
            TransportError: the place cannot be reached or read.
        """
        ...

    def open_destination(self, context: Context, /) -> ImageDestination:
        """Open for writing; nothing changes there yet.

        Raises:
            UsageError: this reference cannot be written to.
            TransportError: the place cannot be reached or written.
        """
        ...


class Transport(Protocol):
    """A kind of place; `parse` is its grammar."""

    @property
    def name(self) -> str:
        """What stands before the first colon."""
        ...

    def parse(self, text: str, /) -> ImageReference:
        """Parse what follows the first colon, without any I/O.

        Raises:
            InvalidReference: the text does not follow this transport's grammar.
        """
        ...
