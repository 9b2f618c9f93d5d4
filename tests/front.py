"""nginx in front of a registry, with the limits that such fronts have."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.servers import free_port, program

_START_SECONDS: Final = 20.0
_CONFIG: Final = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host};
        client_max_body_size {largest_body};
        proxy_request_buffering off;
        location / {{
            proxy_pass http://{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


class Front:
    """A running nginx that passes requests on; enter it to start, leave it to end.

    Raises:
        ServerMissing: nginx is not installed.
        RuntimeError: it did not start; the message has its log.
    """

    def __init__(self, behind: str, *, largest_body: str = "1m") -> None:
        """Stand before the server at `behind` (host and port), and refuse larger bodies."""
        self.host = f"127.0.0.1:{free_port()}"
        self._behind = behind
        self._largest_body = largest_body
        self._program = program("nginx", package="nginx-light")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="test-nginx-")))
            config = folder / "nginx.conf"
            config.write_text(
                _CONFIG.format(
                    folder=folder,
                    host=self.host,
                    behind=self._behind,
                    largest_body=self._largest_body,
                )
            )
            process = subprocess.Popen(
                [self._program, "-p", str(folder), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(_stop, process)
            self._wait_until_ready(process, folder / "error.log")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        name, _, port = self.host.rpartition(":")
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((name, int(port)), timeout=1).close()
                return
            time.sleep(0.01)
        raise RuntimeError(f"nginx did not start:\n{log.read_text() if log.exists() else ''}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
