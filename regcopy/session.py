"""Calls that share what can be shared: connections, tokens, and what is known about blobs.

The engine, the trust policy and what reads auth files are imported by the calls that need
them: whoever lists tags, or copies between folders, should not wait for them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from regcopy.transports.abilities import DeletesImages, ListsTags, TakesTags
from regcopy.transports.base import (
    Clocks,
    Context,
    ImageReference,
    ImageSource,
    RetryPolicy,
    SideOptions,
    Uses,
)
from regcopy.transports.joint_files import JointFiles

if TYPE_CHECKING:
    from regcopy.auth.credential import Credential
    from regcopy.auth.keychain import Keychain
    from regcopy.copying.image_info import ImageInfo
    from regcopy.copying.options import CopyOptions
    from regcopy.copying.places import CopyJob
    from regcopy.copying.result import CopyResult, DryRun
    from regcopy.model.digest import Digest
    from regcopy.model.manifest import RawManifest
    from regcopy.model.platform import Platform
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
    accounts at one registry. All methods may be called from any thread, but for `close`,
    which has to wait until the others have returned. After it, and in a process that was
    forked from the one that uses the session, every call raises UsageError.

    Files with credentials, certificates and policies are read once: a program that runs for
    days makes a session for each round of its work.

    Args:
        environment: variables and folders; those of the process by default.
        cancelled: set it to stop all copies.
        observer: told of what happens, from worker threads, one call at a time.
        parallel: blobs and manifests under way at once, in all copies together.
        trust: which images may be copied; what the policy files say by default.

    Raises:
        UsageError: `parallel` is less than 1.
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
        if parallel < 1:
            raise UsageError(f"parallel is {parallel}, so that nothing could ever be under way")
        self._limits = Limits(parallel, max(1, min(parallel, HEAVY_WORKERS)))
        self._environment = environment or Environment.of_process()
        self._registries = KeptRegistries(self._environment)
        self._windows = WindowBudget()
        self._joint_files = JointFiles()
        self._kept_archives = 0
        self._cancelled = cancelled or threading.Event()
        self._tally = Tally(observer or Silent())
        self._lock = threading.Lock()
        self._contexts: dict[tuple[Side, Access], Context] = {}
        self._process = os.getpid()
        self._is_closed = False
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
        before = self._tally.retries
        result = copy_image(job, tally)
        return replace(result, retries=self._tally.retries - before)

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

    def get_manifest(self, reference: str, *, access: Access | None = None) -> RawManifest:
        """Give the exact bytes of a manifest; arguments and errors as `regcopy.get_manifest`."""
        from regcopy.copying.choice import Originals

        with self._source(parse_reference(reference), access) as source:
            return Originals(source).get_manifest()

    def inspect(
        self, reference: str, *, platform: Platform | None = None, access: Access | None = None
    ) -> ImageInfo:
        """Read manifest and config of an image; arguments and errors as `regcopy.inspect`."""
        from regcopy.copying.image_info import read_image_info
        from regcopy.model.platform import Platform

        place = parse_reference(reference)
        with self._source(place, access) as source:
            return read_image_info(place, source, platform or Platform.local())

    def list_tags(self, reference: str, *, access: Access | None = None) -> Iterator[str]:
        """Give the tags of a repository; arguments and errors as `regcopy.list_tags`."""
        return self._tags(tag_lister(reference), access)

    def _tags(self, place: ListsTags, access: Access | None) -> Iterator[str]:
        with located(reference=place):
            yield from place.list_tags(self.context(access, "source"))

    def delete(self, reference: str, *, access: Access | None = None) -> None:
        """Delete an image; arguments and errors as `regcopy.delete`."""
        place = parse_reference(reference)
        if not isinstance(place, DeletesImages):
            raise UsageError(f"Deleting images not implemented for {place.transport}: images")
        with located(reference=place):
            place.delete_image(self.context(access, "destination"))

    @contextmanager
    def _source(self, place: ImageReference, access: Access | None) -> Iterator[ImageSource]:
        """Open a place for reading; errors on the way tell which one it was."""
        with (
            located(reference=place),
            place.open_source(self.context(access, "source")) as source,
        ):
            yield source

    def keep_archives(self, count: int) -> None:
        """Leave so many archives open after a copy; copies of packed ones stay in TMPDIR."""
        with self._lock:
            self._kept_archives = count
            for context in self._contexts.values():
                context.resources.kept = count

    def context(self, access: Access | None, side: Side) -> Context:
        """Give the context of a side; it is closed with the session.

        Asked for once for each copy, or whatever else has a budget of retries.

        Raises:
            UsageError: the session was closed, or is used in another process.
        """
        how = access or Access()
        if self._is_of_another_process:
            # Two processes on one connection would take each other's answers for their own.
            raise UsageError(
                "the session is in use by the process that this one was forked from",
                hint="make a session in each process",
            )
        with self._lock:
            if self._is_closed:
                raise UsageError("the session is closed")
            if not self._contexts:
                self._process = os.getpid()
            if (side, how) not in self._contexts:
                self._contexts[side, how] = self._make_context(how, side)
            context = self._contexts[side, how]
        context.resources.get(Uses, (), Uses).add()
        return context

    @property
    def _is_of_another_process(self) -> bool:
        """Whether connections may be open that the process we were forked from uses."""
        return bool(self._contexts) and self._process != os.getpid()

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
                cancelled=self._cancelled,
            )

        # What was said about credentials is checked at once; files can wait.
        return make() if how.credential is not None or how.anonymous else LateKeychain(make)

    def _resources(self) -> Resources:
        resources = Resources(self._kept_archives)
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
        if self._is_of_another_process:
            return
        with self._lock:
            self._is_closed = True
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


def tag_lister(reference: str) -> ListsTags:
    """Parse the reference of a repository whose tags can be listed.

    Raises:
        InvalidReference: as `parse_reference`.
        UsageError: the transport has no tags.
    """
    place = parse_reference(reference)
    if not isinstance(place, ListsTags):
        raise UsageError(
            f"Unsupported transport '{place.transport}' for tag listing. "
            "Only supported: docker, docker-archive"
        )
    return place
