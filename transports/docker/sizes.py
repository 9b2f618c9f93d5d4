"""How large a blob is (distribution-spec, "Checking if content exists in the registry")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from regcopy.transports.docker.client import Request, Scope

if TYPE_CHECKING:
    from regcopy.model.descriptor import Descriptor
    from regcopy.transports.docker.pulls import PullSource

# No HEAD for blobs; 400 and 403 come from storage whose signed addresses are for GET alone.
_NOT_TOLD: Final = frozenset({400, 403, 404, 405, 501})
# Some say 0, as the answer itself has no body; no layer is that small.
_LENGTH: Final = re.compile(r"[1-9][0-9]{0,17}")


def blob_size(place: PullSource, blob: Descriptor) -> int | None:
    """Ask for the size of a blob; None where the answer does not tell it.

    Raises:
        TransportError: the registry cannot be asked.
    """
    repository = place.name.repository
    request = Request(
        "HEAD",
        f"/v2/{repository}/blobs/{blob.digest}",
        (Scope(repository, ("pull",)),),
        f"asking for the size of blob {blob.digest} in {place.name.name}",
        expect=_NOT_TOLD | {200},
    )
    with place.client.call(request) as reply:
        length = reply.headers.get("Content-Length", "")
        told = reply.status == 200 and _LENGTH.fullmatch(length) is not None
    return int(length) if told else None
