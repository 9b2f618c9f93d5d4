"""What tests of the HTTP client share: clients that are closed, and short requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from pytest_httpserver import HTTPServer
from werkzeug import Request as Asked
from werkzeug import Response as Given

from regcopy.auth.credential import Credential
from regcopy.config.environment import Environment
from regcopy.events import Observer
from regcopy.model.reference import ImageName
from regcopy.transports.base import Clocks, Context, RetryPolicy, SideOptions
from regcopy.transports.docker.client import (
    RegistryClient,
    Request,
    Scope,
    StreamBody,
    client_for,
)
from tests.contexts import QUICK, make_context

PULL = (Scope("app", ("pull",)),)
MIB = 1024 * 1024
MANIFEST = "/v2/app/manifests/1"
# Waits that a test can afford; they are limits and not durations.
SHORT = Clocks(connect_seconds=2.0, stall_seconds=0.3, slow_window_seconds=0.4)


@contextmanager
def client_of(
    host: str,
    *,
    options: SideOptions | None = None,
    credential: Credential | None = None,
    clocks: Clocks | None = None,
    observer: Observer | None = None,
    retry: RetryPolicy = QUICK,
    variables: Mapping[str, str] | None = None,
    cancelled: threading.Event | None = None,
) -> Iterator[RegistryClient]:
    """Make a client for a registry, and close it afterwards."""
    context = make_context(
        options=options, credential=credential, clocks=clocks, observer=observer, retry=retry
    )
    context = replace(
        context,
        environment=Environment(dict(variables or {})),
        cancelled=cancelled or threading.Event(),
    )
    with client_in(host, context) as client:
        yield client


@contextmanager
def client_in(host: str, context: Context) -> Iterator[RegistryClient]:
    """Make a client in a context, and close all that the context holds."""
    try:
        yield client_for(ImageName.parse(f"{host}/app"), context)
    finally:
        context.resources.close()


def get(target: str = MANIFEST, **headers: str) -> Request:
    """A request for a manifest."""
    return Request("GET", target, PULL, "reading manifest 1 in host/app", headers)


def put(
    body: bytes | StreamBody, target: str = "/v2/app/blobs/uploads/1", method: str = "PUT"
) -> Request:
    """A request with a body."""
    scopes = (Scope("app", ("pull", "push")),)
    expect = frozenset({201, 202})
    return Request(method, target, scopes, "uploading blob", body=body, expect=expect)


def headers_of(head: bytes) -> dict[str, str]:
    """Parse the headers of a request, with names in lower case."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}


class Endless:
    """A body without end that counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        self.taken += size
        return b"x" * size


def host_of(server: HTTPServer) -> str:
    return f"{server.host}:{server.port}"


def echo(request: Asked) -> Given:
    length = request.headers.get("Content-Length", "none")
    return Given(f"{length} {len(request.get_data())}", status=201)
