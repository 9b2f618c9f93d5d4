"""What scripts look for in messages is in those of both programs."""

from __future__ import annotations

import pytest

from tests.compat.registries import World
from tests.servers import Registry

PLAIN = "--retry-times=0 --tls-verify=false"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"inspect {PLAIN} docker://{{src}}/app:gone", "manifest unknown"),
        (f"delete {PLAIN} docker://{{src}}/app:gone", "Unable to delete"),
        (f"list-tags {PLAIN} docker://{{src}}/gone", "404"),
        ("inspect --retry-times=0 docker://localhost:1/a", "connection refused"),
        (
            "inspect --retry-times=0 docker://{src}/app:1",
            "server gave HTTP response to HTTPS client",
        ),
    ],
)
def test_a_failure_is_told_in_the_words_that_scripts_look_for(
    world: World, line: str, words: str
) -> None:
    assert words in world.skopeo(line).fatal
    assert words in world.regcopy(line).fatal


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--tls-verify=false", "unauthorized"),
        ("--tls-verify=false --creds=a:b", "unauthorized"),
    ],
)
def test_a_registry_that_wants_a_password(
    world: World, basic_registry: Registry, flags: str, words: str
) -> None:
    line = f"inspect {flags} docker://{basic_registry.host}/app:1"
    assert words in world.skopeo(line).fatal
    assert words in world.regcopy(line).fatal


def test_a_certificate_that_is_not_accepted(world: World, tls_registry: Registry) -> None:
    line = f"inspect --retry-times=0 docker://{tls_registry.host}/app:1"
    assert "x509: " in world.skopeo(line).fatal
    assert "x509: " in world.regcopy(line).fatal
