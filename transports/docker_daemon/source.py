"""Reading one image of a daemon: the archive that it writes, kept in a temporary file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regcopy.streams.tar_storage import SpooledStorage, temporary_folder
from regcopy.transports.docker_archive import DockerArchiveReference
from regcopy.transports.docker_archive.source import DockerArchiveSource
from regcopy.transports.docker_daemon.client import Daemon

if TYPE_CHECKING:
    from regcopy.transports.base import Context, ImageSource
    from regcopy.transports.docker_daemon import DaemonReference


def open_source(reference: DaemonReference, context: Context) -> ImageSource:
    """Fetch the image. Errors as `DaemonReference.open_source`."""
    daemon = Daemon(context)
    # Some daemons answer that there is no such image as if it was a fault of theirs.
    daemon.image(reference.wanted)
    archive = DockerArchiveReference("daemon's archive", transport=reference.transport)
    exchange = daemon.export(reference.wanted)
    try:
        folder = temporary_folder(context.environment.get("TMPDIR"))
        storage = SpooledStorage(exchange, folder, archive.path)
    except BaseException:
        exchange.close()
        raise
    return DockerArchiveSource(archive, context, storage=storage)
