"""A token that is over before a long blob has come."""

from __future__ import annotations

import hashlib
from typing import Final

from regcopy.auth.credential import Credential
from regcopy.transports.base import SideOptions
from tests.conftest import PASSWORD, USER, Keep
from tests.contexts import make_context
from tests.cutting_front import CuttingFront
from tests.docker_tools import describe, open_source, opened_by
from tests.registry_tools import RegistryTools
from tests.servers import Registry
from tests.token_server import TokenServer

MIB: Final = 1024 * 1024
LAYER: Final = hashlib.shake_128(b"long").digest(12 * MIB)


def test_a_blob_is_read_on_with_a_new_token(
    token_registry: Registry,
    token_server: TokenServer,
    token_tools: RegistryTools,
    repository: str,
    keep: Keep,
) -> None:
    token_tools.push_blob(LAYER, repository)
    options = SideOptions(tls_verify=False, token_hosts=(token_server.host,))
    context = keep(make_context(options=options, credential=Credential(USER, PASSWORD)))
    blob = describe(LAYER)
    before = len(token_server.asked)
    token_server.lifetime_seconds = 1
    try:
        with CuttingFront(token_registry.host, after=8 * MIB) as front:
            source = open_source(front.host, repository, context)
            with opened_by(lambda offset: source.open_blob(blob, offset=offset), blob) as stream:
                found = stream.read(MIB)
                token_server.wait_until_expired()
                token_server.lifetime_seconds = 300
                found += b"".join(iter(lambda: stream.read(MIB), b""))
    finally:
        token_server.lifetime_seconds = 300
    assert found == LAYER
    assert len(token_server.asked) - before == 2
