"""Reading and writing an image stream: the places of `docker://`, and signatures beside them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from regcopy.auth.credential import Credential
from regcopy.auth.keychain import FixedKeychain, Keychain
from regcopy.config.kubeconfig import find_cluster_login
from regcopy.errors import Refused
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.streams.blob import BlobStream, Readable
from regcopy.transports.base import Capabilities, Context, ImageReference, RequestCosts
from regcopy.transports.docker.atomic import AtomicReference
from regcopy.transports.docker.client import client_for
from regcopy.transports.docker.destination import DockerDestination
from regcopy.transports.docker.extension import RegistrySignatures
from regcopy.transports.docker.origin import Origin, may_send_secret
from regcopy.transports.docker.source import DockerSource

if TYPE_CHECKING:
    from regcopy.model.reference import ImageName

# The registry looks at the token alone; `oc registry login` writes some name as well.
_USER = "unused"


@dataclass(frozen=True, slots=True)
class ClusterKeychain:
    """Credentials from the usual files, and for one registry the cluster's token after them."""

    usual: Keychain
    registry: str
    credential: Credential

    def find(self, registry: str, repository: str, /) -> Credential | None:
        """Give the best match. Errors as `Keychain.find`."""
        found = self.usual.find(registry, repository)
        return self.credential if found is None and registry == self.registry else found


def with_cluster_login(name: ImageName, context: Context) -> Context:
    """Let the token of the current context open the registry of its cluster.

    Not where a credential, or that there is none, was said on the command line.

    Raises:
        ConfigurationError: a kubeconfig cannot be used.
    """
    if isinstance(context.keychain, FixedKeychain):
        return context
    login = find_cluster_login(context.environment)
    if login is None or not _is_of_cluster(login.server, name.registry, context):
        return context
    credential = Credential(_USER, login.token, origin=login.origin)
    return replace(context, keychain=ClusterKeychain(context.keychain, name.registry, credential))


def _is_of_cluster(server: str, registry: str, context: Context) -> bool:
    try:
        api, target = Origin.of(server), Origin.of(f"https://{registry}")
    except Refused:
        return False
    return may_send_secret(api, target, context.options.token_hosts)


class AtomicSource:
    """One tag of an image stream; which image it is is settled by the first reading."""

    def __init__(self, reference: AtomicReference, context: Context) -> None:
        """Ask nothing yet. Errors as `AtomicReference.open_source`."""
        name = reference.docker.name
        context = with_cluster_login(name, context)
        self._docker = DockerSource(reference.docker, context)
        self._signatures = RegistrySignatures(client_for(name, context), name, ("pull",))

    @property
    def max_parallel(self) -> int:
        """Threads that may call it at once."""
        return self._docker.max_parallel

    @property
    def costs(self) -> RequestCosts:
        """Requests it makes."""
        return self._docker.costs

    def get_manifest(self, instance: Descriptor | None = None, /) -> RawManifest:
        """Give the top manifest, or one that it names. Errors as `DockerSource.get_manifest`."""
        return self._docker.get_manifest(instance)

    def open_blob(self, blob: Descriptor, /, *, offset: int = 0) -> Readable:
        """Open a blob. Errors as `DockerSource.open_blob`."""
        return self._docker.open_blob(blob, offset=offset)

    def get_signatures(self, instance: Digest | None = None, /) -> Iterator[bytes]:
        """Give the signatures that the registry keeps. Errors as `RegistrySignatures.get`."""
        return self._signatures.get(instance or self.get_manifest().digest)

    def fetch_file(self, url: str, /, *, limit: int) -> bytes | None:
        """Get a small file from the web. Errors as `DockerSource.fetch_file`."""
        return self._docker.fetch_file(url, limit=limit)

    def abort(self) -> None:
        """Make calls under way fail soon; may be called twice."""
        self._docker.abort()

    def close(self) -> None:
        """Close; may be called twice."""
        self._docker.close()

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


class AtomicDestination:
    """One tag of an image stream that need not exist yet."""

    def __init__(self, reference: AtomicReference, context: Context) -> None:
        """Ask nothing yet. Errors as `AtomicReference.open_destination`."""
        name = reference.docker.name
        context = with_cluster_login(name, context)
        self._docker = DockerDestination(reference.docker, context)
        client = client_for(name, context)
        self._kept = RegistrySignatures(client, name, ("pull", "push"))
        self._signatures: Sequence[bytes] = ()
        self._top: RawManifest | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Those of every registry."""
        return self._docker.capabilities

    def current_digest(self) -> Digest | None:
        """Digest that the name stands for. See `DockerDestination.current_digest`."""
        return self._docker.current_digest()

    def has_manifest(self, manifest: Descriptor, /) -> bool:
        """Tell whether the repository has a manifest."""
        return self._docker.has_manifest(manifest)

    def find_blob(self, blob: Descriptor, /) -> bool:
        """Tell whether the repository has the blob."""
        return self._docker.find_blob(blob)

    @property
    def blob_domain(self) -> Hashable:
        """The registry."""
        return self._docker.blob_domain

    @property
    def blob_scope(self) -> Hashable:
        """The repository."""
        return self._docker.blob_scope

    def can_mount_from(self, source: ImageReference, /) -> bool:
        """Tell whether `source` is another repository of the same registry."""
        return self._docker.can_mount_from(_plain(source))

    def mount_blob(self, blob: Descriptor, source: ImageReference, /) -> bool:
        """Take the blob from the other repository; False where the registry did not."""
        return self._docker.mount_blob(blob, _plain(source))

    def put_blob(self, stream: BlobStream, /) -> Descriptor:
        """Upload a blob. Errors as `DockerDestination.put_blob`."""
        return self._docker.put_blob(stream)

    def put_manifest(self, manifest: RawManifest, /, *, top: bool) -> None:
        """Write a child; keep the top one. Errors as `DockerDestination.put_manifest`."""
        self._docker.put_manifest(manifest, top=top)
        if top:
            self._top = manifest

    def put_signatures(
        self, signatures: Sequence[bytes], instance: Digest | None = None, /
    ) -> None:
        """Write the signatures of a child; keep those of the top one for `commit`.

        Errors as `RegistrySignatures.put`.
        """
        if instance is None:
            self._signatures = signatures
        else:
            self._kept.put(instance, signatures)

    def commit(self, tags: Sequence[str] = (), /) -> None:
        """Write signatures, then the tag. Errors as `DockerDestination.commit`.

        The registry takes signatures only of what it has, so a signed manifest is written by
        its digest first: who finds the tag finds the signatures, too.
        """
        if self._top is not None and self._signatures:
            self._docker.put_manifest(self._top, top=False)
            self._kept.put(self._top.digest, self._signatures)
        self._docker.commit(tags)

    def abort(self) -> None:
        """Make calls under way fail soon; may be called twice."""
        self._docker.abort()

    def close(self) -> None:
        """Cancel uploads that are still open; may be called twice."""
        self._docker.close()

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


def _plain(reference: ImageReference) -> ImageReference:
    return reference.docker if isinstance(reference, AtomicReference) else reference
