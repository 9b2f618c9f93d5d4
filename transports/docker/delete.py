"""Deleting one manifest of a repository (distribution-spec, "Deleting Manifests")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regcopy.errors import NotFound, TransportError
from regcopy.transports.docker.client import Request, Scope, client_for
from regcopy.transports.docker.manifests import Manifests

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.docker import DockerReference

_DELETED: Final = frozenset({200, 202, 204})


def delete_image(reference: DockerReference, context: Context) -> None:
    """Resolve the tag to a digest, and delete that. Errors as `DockerReference.delete_image`.

    The specification lets a registry delete tags by themselves; few do, so a tag is never
    deleted by its name: what then goes and what stays would depend on the registry.
    """
    client = client_for(reference.name, context)
    scope = Scope(reference.repository, ("pull", "delete"))
    manifests = Manifests(client, reference.name, scope)
    digest = reference.digest or manifests.find(reference.wanted, sure=True)
    if digest is None:
        raise NotFound(f"Unable to delete {reference.name}. Image may not exist: manifest unknown")
    what = f"deleting manifest {digest} in {reference.repository_name}"
    request = Request("DELETE", manifests.path(str(digest)), (scope,), what, expect=_DELETED)
    try:
        client.call(request).close()
    except NotFound as error:
        # At a second try that is the success of the first, whose answer was lost.
        if error.tries == 1:
            raise
    except TransportError as error:
        if error.answer is not None and error.answer.status == 405:
            error.hint = error.hint or "deletion is turned off in this registry"
        raise
