"""Calls that share what can be shared: connections, tokens, and what is known about blobs.

The engine, the trust policy and what reads auth files are imported by the calls that need
them: whoever lists tags, or copies between folders, should not wait for them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.auth.late import LateKeychain
from regcopy.config.environment import Environment
from regcopy.config.registries_kept import KeptRegistries
from regcopy.copying.pool import DEFAULT_PARALLEL, HEAVY_WORKERS, Limits
from regcopy.copying.tally import Tally
from regcopy.errors import Side, UsageError, located
from regcopy.events import Observer, Silent
from regcopy.streams.resources import Resources
from regcopy.streams.windows import WindowBudget
from regcopy.transports import parse_reference
from regcopy.transports.abilities import TakesTags
from regcopy.transports.base import (
    Clocks,
    Context,
    ImageReference,
    RetryPolicy,
    SideOptions,
)
from regcopy.transports.joint_files import JointFiles

if TYPE_CHECKING:
    from regcopy.auth.credential import Credential
    from regcopy.auth.keychain import Keychain
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.places import CopyJob
    from regcopy.copying.result import CopyResult, DryRun
    from regcopy.model.digest import Digest
    from regcopy.trust.options import Trust, TrustOptions


@dataclass(frozen=True, slots=True)
class Access:
    """How one place is reached.

    Attributes:
        credential: used instead of any file.
        anonymous: use no credential at all.
        authfile: file with credentials, instead of the default ones; must be readable.
        options: TLS and transport options of this side.
        retry: how often a request is repeated.
        clocks: how long silence is borne.
    """

    credential: Credential | None = None
    anonymous: bool = False
    authfile: str = ""
    options: SideOptions = field(default_factory=SideOptions)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clocks: Clocks = field(default_factory=Clocks)


class Session:
    """Copies one image after another, or several at once from threads of yours.

    Places that are reached in the same way, on the same side, share their connections and
    tokens until the session is closed. The two sides share nothing: they may have two
    accounts at one registry.

    Args:
        environment: variables and folders; those of the process by default.
        cancelled: set it to stop all copies.
        observer: told of what happens, from worker threads, one call at a time.
        parallel: blobs and manifests under way at once, in all copies together.
        trust: which images may be copied; what the policy files say by default.
    """

    def __init__(
        self,
        *,
        environment: Environment | None = None,
        cancelled: threading.Event | None = None,
        observer: Observer | None = None,
        parallel: int = DEFAULT_PARALLEL,
        trust: TrustOptions | None = None,
    ) -> None:
        self._limits = Limits(parallel, max(1, min(parallel, HEAVY_WORKERS)))
        self._environment = environment or Environment.of_process()
        self._registries = KeptRegistries(self._environment)
        self._windows = WindowBudget()
        self._joint_files = JointFiles()
        self._cancelled = cancelled or threading.Event()
        self._tally = Tally(observer or Silent())
        self._lock = threading.Lock()
        self._contexts: dict[tuple[Side, Access], Context] = {}
        self._trust_options = trust
        self._trust: Trust | None = None

    def copy(
        self,
        source: str,
        destination: str,
        *,
        options: CopyOptions | None = None,
        source_access: Access | None = None,
        destination_access: Access | None = None,
        observer: Observer | None = None,
    ) -> CopyResult:
        """Copy one image; arguments and errors are those of `regcopy.copy`.

        Args:
            source: `transport:reference` to read from.
            destination: `transport:reference` to write to.
            options: which images and how.
            source_access: credentials, TLS and retries of the source.
            destination_access: the same of the destination.
            observer: told of this copy in place of the session's observer, which is still
                told of repeated requests.
        """
        from regcopy.copying.engine import copy_image

        tally = self._tally if observer is None else Tally(observer)
        job = self._job(source, destination, options, (source_access, destination_access))
        return copy_image(job, tally)

    def copy_layers(
        self,
        source: str,
        destination: str,
        layers: Sequence[Digest],
        *,
        options: CopyOptions | None = None,
        source_access: Access | None = None,
        destination_access: Access | None = None,
    ) -> None:
        """Copy the manifest of one image and some of its blobs; for folders of plain files.

        Args:
            source: `transport:reference` to read from.
            destination: `transport:reference` to write to.
            layers: digests of layers; none of them for all, and the config.
            options: which image of an index.
            source_access: credentials, TLS and retries of the source.
            destination_access: the same of the destination.

        Raises:
            UsageError: a blob that the image does not have.
            RegcopyError: as `copy`.
        """
        from regcopy.copying.layers import copy_layers

        job = self._job(source, destination, options, (source_access, destination_access))
        copy_layers(job, layers)

    def plan_copy(
        self,
        source: str,
        destination: str,
        *,
        options: CopyOptions | None = None,
        source_access: Access | None = None,
        destination_access: Access | None = None,
    ) -> DryRun:
        """Say what `copy` would do; arguments and errors are those of `copy`."""
        from regcopy.copying.dry_run import dry_run

        job = self._job(source, destination, options, (source_access, destination_access))
        destination_context = replace(job.destination_context, read_only=True)
        return dry_run(replace(job, destination_context=destination_context))

    def context(self, access: Access | None, side: Side) -> Context:
        """Give the context of a side; it is closed with the session."""
        how = access or Access()
        with self._lock:
            if (side, how) not in self._contexts:
                self._contexts[side, how] = self._make_context(how, side)
            return self._contexts[side, how]

    def _make_context(self, how: Access, side: Side) -> Context:
        return Context(
            side=side,
            options=how.options,
            keychain=self._keychain(how),
            environment=self._environment,
            observer=self._tally,
            retry=how.retry,
            clocks=how.clocks,
            cancelled=self._cancelled,
            resources=self._resources(),
        )

    def _keychain(self, how: Access) -> Keychain:
        def make() -> Keychain:
            from regcopy.auth.chain import keychain_for

            return keychain_for(
                how.credential,
                how.anonymous,
                how.authfile,
                self._environment,
                registries=self._registries,
            )

        # What was said about credentials is checked at once; files can wait.
        return make() if how.credential is not None or how.anonymous else LateKeychain(make)

    def _resources(self) -> Resources:
        resources = Resources()
        resources.get(KeptRegistries, (), lambda: self._registries)
        resources.get(WindowBudget, (), lambda: self._windows)
        resources.get(JointFiles, (), lambda: self._joint_files)
        return resources

    def _job(
        self,
        source: str,
        destination: str,
        options: CopyOptions | None,
        access: tuple[Access | None, Access | None],
    ) -> CopyJob:
        from regcopy.copying.options import CopyOptions
        from regcopy.copying.places import CopyJob

        chosen = options or CopyOptions()
        with located(side="source"):
            source_reference = parse_reference(source)
        with located(side="destination"):
            destination_reference = parse_reference(destination)
            _check_tags(destination_reference, chosen)
        return CopyJob(
            source_reference,
            destination_reference,
            self.context(access[0], "source"),
            self.context(access[1], "destination"),
            chosen,
            self.trust(),
            self._limits,
        )

    def trust(self) -> Trust:
        """Give the trust policy, which is read when it is first needed.

        Raises:
            ConfigurationError: it cannot be used.
        """
        from regcopy.trust.options import TrustOptions, load_trust

        with self._lock:
            if self._trust is None:
                options = self._trust_options or TrustOptions()
                self._trust = load_trust(options, self._environment)
            return self._trust

    def close(self) -> None:
        """Close all connections; may be called twice."""
        with self._lock:
            contexts = list(self._contexts.values())
            self._contexts.clear()
        for context in contexts:
            context.resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _check_tags(place: ImageReference, options: CopyOptions) -> None:
    """Refuse tags that the destination cannot have, before anything is done."""
    if options.additional_tags and not isinstance(place, TakesTags):
        raise UsageError(f"{place.transport}: has no tags, so there can be no additional ones")
    for tag in options.additional_tags:
        if isinstance(place, TakesTags):
            place.with_tag(tag)
