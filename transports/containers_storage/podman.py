"""podman, for what only the library that owns a store's locks and drivers can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regcopy.errors import Refused
from regcopy.transports.containers_storage.spec import find_folders
from regcopy.transports.containers_storage.store import Store
from regcopy.transports.programs import Program

if TYPE_CHECKING:
    from regcopy.transports.base import Context
    from regcopy.transports.containers_storage import StorageReference
    from regcopy.transports.containers_storage.spec import StoreSpec

_SECONDS: Final = 120.0
_CONTAINERS: Final = "{{.ImageID}} {{.ID}}"


@dataclass(frozen=True, slots=True)
class Podman:
    """podman, as it works with one store."""

    program: Program
    store: StoreSpec

    @classmethod
    def find(cls, store: StoreSpec, context: Context, *, what: str, hint: str) -> Podman:
        """Look for it.

        Args:
            store: which one.
            context: of the side that needs it.
            what: it is needed for.
            hint: how to get it, or to do without.

        Raises:
            TransportUnavailable: it is not installed.
        """
        return cls(Program.find("podman", context, what=what, hint=hint), store)

    def run(
        self, arguments: Sequence[str], *, seconds: float = _SECONDS, folder: str | None = None
    ) -> bytes:
        """Run a command of podman, and give what it printed. Raises Refused where it failed."""
        options = [
            *([f"--storage-driver={self.store.driver}"] if self.store.driver else []),
            *([f"--root={self.store.graph_root}"] if self.store.graph_root else []),
            *([f"--runroot={self.store.run_root}"] if self.store.run_root else []),
            *(f"--storage-opt={option}" for option in self.store.options),
        ]
        return self.program.run([*options, *arguments], seconds=seconds, folder=folder)


def delete_image(reference: StorageReference, context: Context) -> None:
    """Delete an image with all its names. Errors as `StorageReference.delete_image`."""
    podman = Podman.find(
        reference.store,
        context,
        what="deleting from containers-storage:",
        hint="install it (apt-get install podman)",
    )
    store = Store(find_folders(reference.store, context.environment))
    image = store.find(reference.name, reference.id, may_be_id=reference.may_be_id)
    # With several names podman removes it by force only, and its containers with it.
    listing = podman.run(("ps", "--all", "--external", "--no-trunc", f"--format={_CONTAINERS}"))
    pairs = [line.split() for line in listing.decode("ascii", "replace").splitlines()]
    users = [pair[1] for pair in pairs if len(pair) == 2 and pair[0] == image.id]
    if users:
        raise Refused(
            f"image {image.id} is in use by {len(users)} container(s), such as {users[0][:12]}",
            hint="remove them first: podman rm",
        )
    podman.run(("rmi", "--force", image.id))
