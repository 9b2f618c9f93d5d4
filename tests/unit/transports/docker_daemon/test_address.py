"""Where the daemon is: flags as skopeo reads them, DOCKER_HOST as Docker does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from regcopy.transports.base import SideOptions
from regcopy.transports.docker_daemon.address import DaemonAddress, find_address
from tests.contexts import make_context


def found(flag: str = "", environment: Mapping[str, str] | None = None) -> DaemonAddress:
    context = make_context("destination", options=SideOptions(daemon_host=flag))
    return find_address(replace(context, environment=Environment(environment or {})))


def test_without_a_word_it_is_the_usual_socket() -> None:
    assert found().socket_path == "/var/run/docker.sock"


def test_a_flag_is_stronger_than_the_environment() -> None:
    variables = {"DOCKER_HOST": "unix:///from/environment"}

    assert found("unix:///from/flag", variables).socket_path == "/from/flag"
    assert found("", variables).socket_path == "/from/environment"


@pytest.mark.parametrize(
    ("text", "host", "port", "uses_tls"),
    [
        ("tcp://host", "host", 2376, True),
        ("tcp://host:99", "host", 99, True),
        ("https://host", "host", 2376, True),
        ("http://host", "host", 2375, False),
        ("tcp://[::1]:99", "::1", 99, True),
        ("tcp://10.0.0.1/", "10.0.0.1", 2376, True),
    ],
)
def test_a_flag_with_tcp_means_tls(text: str, host: str, port: int, uses_tls: bool) -> None:
    address = found(text)

    assert (address.host, address.port, address.uses_tls) == (host, port, uses_tls)


@pytest.mark.parametrize(
    ("variables", "uses_tls"),
    [
        ({}, False),
        ({"DOCKER_TLS_VERIFY": ""}, False),
        ({"DOCKER_TLS_VERIFY": "1"}, True),
        ({"DOCKER_CERT_PATH": "/certs"}, True),
    ],
)
def test_docker_host_with_tcp_means_tls_where_docker_says_so(
    variables: Mapping[str, str], uses_tls: bool
) -> None:
    address = found("", {"DOCKER_HOST": "tcp://host", **variables})

    assert address.uses_tls == uses_tls
    assert address.port == (2376 if uses_tls else 2375)


def test_a_path_stands_before_all_paths() -> None:
    assert found("http://host/some/docker").prefix == "/some/docker"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("host", "unable to parse docker host `host`"),
        ("unix://", "unable to parse docker host"),
        ("unix:///" + "x" * 107, "no possible path of a socket"),
        ("tcp://", "unable to parse"),
        ("tcp://user@host", "is not tcp://host"),
        ("tcp://host:99999", "is not tcp://host"),
        ("tcp://host\r\nX: y", "is not tcp://host"),
        ("tcp://host/..%2f", "is not tcp://host"),
        ("ssh://host", "ssh:// is not supported"),
        ("npipe:////./pipe/docker", "npipe:// is not supported"),
    ],
)
def test_what_is_no_address_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        found(text)
    assert "--dest-daemon-host" in str(caught.value)
