"""Writing to real registries that want TLS, a password or a token."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import Forbidden, Unauthorized
from regcopy.model.digest import Digest
from regcopy.testing.samples import single_image
from regcopy.transports.base import (
    Context,
    SideOptions,
)
from tests.conftest import PASSWORD, USER, Keep
from tests.contexts import make_context
from tests.docker_tools import (
    describe,
    open_destination,
    opened_by,
    put,
    put_image,
    reference,
)
from tests.registry_tools import RegistryTools
from tests.servers import Registry
from tests.token_server import TokenServer

MIB = 1024 * 1024


def test_writing_over_tls(
    tls_registry: Registry, repository: str, keep: Keep, tmp_path: Path
) -> None:
    tls = tls_registry.setup.tls
    assert tls is not None
    options = SideOptions(cert_dir=str(tls.write_certs_d(tmp_path / "certs")))
    context = keep(make_context("destination", options=options))
    with open_destination(tls_registry.host, repository, context) as destination:
        put_image(destination, single_image())
    tools = RegistryTools(tls_registry.url, tls=tls.client_context())
    assert tools.holds(single_image(), repository, "1")


def test_writing_needs_the_password_that_a_registry_wants(
    basic_registry: Registry, repository: str, keep: Keep
) -> None:
    with open_destination(
        basic_registry.host, repository, keep(make_context("destination"))
    ) as destination:
        assert destination.current_digest() is None
        with pytest.raises(Unauthorized):
            put(destination, b"anything")
    context = keep(make_context("destination", credential=Credential(USER, PASSWORD)))
    with open_destination(basic_registry.host, repository, context) as destination:
        put_image(destination, single_image())
        assert destination.current_digest() == single_image().digest


def token_context(server: TokenServer, *, known: bool = True) -> Context:
    """For writing to the token registry."""
    return make_context(
        "destination",
        options=SideOptions(tls_verify=False, token_hosts=(server.host,)),
        credential=Credential(USER, PASSWORD) if known else None,
    )


def test_one_token_serves_a_whole_image(
    token_registry: Registry,
    token_server: TokenServer,
    token_tools: RegistryTools,
    repository: str,
    keep: Keep,
) -> None:
    before = len(token_server.asked)
    context = keep(token_context(token_server))
    with open_destination(token_registry.host, repository, context) as destination:
        put_image(destination, single_image())
    assert token_tools.holds(single_image(), repository, "1")
    asked = token_server.asked[before:]
    assert [(a.user, a.scopes) for a in asked] == [(USER, (f"repository:{repository}:pull,push",))]


def test_a_mount_asks_for_a_token_for_both_repositories(
    token_registry: Registry,
    token_server: TokenServer,
    token_tools: RegistryTools,
    repository: str,
    keep: Keep,
) -> None:
    token_tools.push_blob(b"elsewhere", repository)
    other = f"{repository}-copy"
    context = keep(token_context(token_server))
    with open_destination(token_registry.host, other, context) as destination:
        source = reference(token_registry.host, repository)
        assert destination.mount_blob(describe(b"elsewhere"), source)
    assert set(token_server.asked[-1].scopes) == {
        f"repository:{other}:pull,push",
        f"repository:{repository}:pull",
    }


def test_who_may_not_push_is_told_so(
    token_registry: Registry, token_server: TokenServer, repository: str, keep: Keep
) -> None:
    context = keep(token_context(token_server, known=False))
    with (
        open_destination(token_registry.host, repository, context) as destination,
        pytest.raises((Unauthorized, Forbidden)),
    ):
        put(destination, b"anything")


def test_a_token_that_ends_in_the_middle_of_an_upload_is_renewed(
    token_registry: Registry,
    token_server: TokenServer,
    token_tools: RegistryTools,
    repository: str,
    keep: Keep,
) -> None:
    content = hashlib.shake_128(b"x").digest(2 * MIB)
    token_server.lifetime_seconds = 1
    context = keep(token_context(token_server))

    def open_late(offset: int) -> io.BytesIO:
        if token_server.lifetime_seconds == 1:
            token_server.wait_until_expired()
            token_server.lifetime_seconds = 300
        return io.BytesIO(content[offset:])

    try:
        with open_destination(token_registry.host, repository, context) as destination:
            assert not destination.find_blob(describe(content))
            with opened_by(open_late, describe(content)) as stream:
                destination.put_blob(stream)
    finally:
        token_server.lifetime_seconds = 300
    assert token_tools.get_blob(repository, Digest.of(content)) == content
