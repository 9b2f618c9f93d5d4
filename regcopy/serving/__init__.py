"""A registry for trials, tests and hand-over: the OCI Distribution API over one image layout.

    from regcopy.serving import RegistryServer

    with RegistryServer("images", port=5000) as server:
        print(server.address)

Tests of a program take `RegistryServer(durable=False)`, with a temporary folder and a free
port, and reach it with `regcopy.Access(options=regcopy.SideOptions(tls_verify=False))`.

The folder is an OCI image layout (image-spec image-layout.md) that every other program can
read: the tag `1.0` of the repository `team/app` is the image `oci:images:team/app:1.0`.
Manifests of Docker's types are kept as they were pushed; not every reader of layouts takes
those.

*What is where.* A tag is an entry of index.json named `repository:tag`
(`org.opencontainers.image.ref.name`). A manifest without a tag is an entry named
`repository@digest`, as long as no tag and no index of its repository reaches it: a manifest
that lost its tag keeps such an entry, and the images of an index need none. So whatever was
pushed is reachable after a restart, and needed in the eyes of whoever cleans the layout.
Entries with other names, or none, belong to no repository: they are left as they are and
not served. (Another program that moves a tag in the layout itself leaves its old manifest
without a name, and so outside the repository.)

*Whose is a blob.* All blobs lie in one folder; a repository has those that its manifests
need, and those that were pushed to or mounted into it since the start. After a restart a
blob that no manifest needs is not told of, and is uploaded again.

*What is removed.* Deleting a tag keeps its manifest; deleting a manifest keeps its blobs, as
in any registry. A manifest that an index names, and a blob that a manifest needs, cannot be
deleted before that. Deleting a blob removes its file once nothing else in the layout needs it.

*Beside others.* Other processes may read the layout at any time. `regcopy` may write images
into it while it is served; both see each other's changes. Deleting from it has to wait until
the server has ended: nobody else can know which blobs its clients count on. Unfinished uploads
are files `.regcopy-….tmp` in `blobs`; they go when they are cancelled, an hour after their
last byte, and with the server, or at the next start where it was killed.

There is no authentication: whoever reaches the address can read and change everything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from regcopy.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from regcopy.serving.listener import Listener
    from regcopy.serving.messages import Request, Response

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 5000


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request and its answer.

    Attributes:
        target: path and query as the client sent them; not safe for a terminal.
        received: bytes of its body.
        sent: bytes of the answer's body.
    """

    method: str
    target: str
    status: int
    received: int
    sent: int


def parse_listen(text: str) -> tuple[str, int]:
    """Parse `host:port`, `[IPv6]:port` or `:port`, which means loopback.

    Raises:
        UsageError: anything else.
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if (
        not colon
        or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) < 65536)
        or (":" in host and not bracketed)
    ):
        raise UsageError(
            f'invalid address "{text[:100]}": not host:port', hint="for example 127.0.0.1:5000"
        )
    return (host[1:-1] if bracketed else host) or DEFAULT_HOST, int(port)


class RegistryServer:
    """A registry in this process; a context manager that serves from a thread of its own."""

    def __init__(
        self,
        root: Path | str | None = None,
        host: str = DEFAULT_HOST,
        port: int = 0,
        *,
        durable: bool = True,
        on_request: Callable[[ServedRequest], None] | None = None,
        max_connections: int = 256,
        silence_seconds: float = 60.0,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            root: folder of the layout, made where it is missing or empty; None for a
                temporary one that goes with the server.
            host: name or address to listen on; IPv6 without brackets.
            port: 0 for a free one.
            durable: make files durable before a manifest is named. Without it, a crash of
                the machine (not one of the server) may damage what was pushed last.
            on_request: called right before each answer, from the thread of its connection.
            max_connections: clients at once; more have to wait.
            silence_seconds: a connection is closed after so long a silence.
        """
        self._root = root
        self._host = host
        self._port = port
        self._durable = durable
        self._on_request = on_request
        self._max_connections = max_connections
        self._silence_seconds = silence_seconds
        self._opened = ExitStack()
        self._listener: Listener | None = None
        self._served_root: str | None = None

    def __enter__(self) -> Self:
        """Open the layout, listen, and serve in the background.

        Raises:
            UsageError: the folder holds something else than a layout.
            ConfigurationError: the address cannot be listened on.
            StorageFailed, ManifestInvalid: the layout cannot be used.
        """
        # Only here: whoever imports this to offer the command does not want to wait for it.
        import tempfile

        from regcopy.serving.conversation import talk
        from regcopy.serving.listener import Listener
        from regcopy.serving.routes import Api
        from regcopy.serving.storage import Storage

        with ExitStack() as opened:
            root = self._root
            if root is None:
                root = opened.enter_context(tempfile.TemporaryDirectory(prefix="regcopy-serve-"))
            self._served_root = str(root)
            storage = Storage(self._served_root, durable=self._durable)
            opened.callback(storage.close)
            api = Api.of(storage)
            tell = self._tell if self._on_request is not None else None
            opened.callback(api.close)
            self._listener = Listener(
                self._host,
                self._port,
                lambda connection: talk(api, connection, tell),
                max_connections=self._max_connections,
                silence_seconds=self._silence_seconds,
            )
            opened.callback(self._listener.stop)
            self._listener.start()
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, remove unfinished uploads, close; may be called twice."""
        self._opened.close()
        self._listener = None
        self._served_root = None

    @property
    def _listening(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("the server does not run")
        return self._listener

    @property
    def address(self) -> str:
        """`host:port` that it is reached at, such as `127.0.0.1:5000`; while it runs."""
        host, port = self._listening.host, self._listening.port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def root(self) -> str:
        """Folder of the layout; while it runs."""
        if self._served_root is None:
            raise RuntimeError("the server does not run")
        return self._served_root

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; while it runs."""
        return self._listening.host.startswith("127.") or self._listening.host == "::1"

    def serve_forever(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then close; errors as `__enter__`.

        A signal handler may set it: the main thread's wait ends at once.
        """
        with ExitStack() as opened:
            if self._listener is None:
                opened.enter_context(self)
            opened.callback(self.close)
            stop.wait()

    def _tell(self, request: Request, response: Response) -> None:
        if self._on_request is not None:
            sent = 0 if request.method == "HEAD" else response.size
            self._on_request(
                ServedRequest(
                    request.method, request.target, response.status, request.body.received, sent
                )
            )
