"""Whose certificates are believed: both programs in the same surroundings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from regcopy.testing.samples import single_image
from tests.command_line import run_cli
from tests.programs import require_program
from tests.registry_tools import RegistryTools
from tests.servers import Registry


@pytest.fixture
def image(tls_registry: Registry, repository: str) -> str:
    """An image in a registry whose authority no machine knows."""
    tls = tls_registry.setup.tls
    assert tls is not None
    RegistryTools(tls_registry.url, tls=tls.client_context()).push(single_image(), repository, "1")
    return f"docker://{tls_registry.host}/{repository}:1"


@pytest.fixture
def certs(tls_registry: Registry, tmp_path: Path) -> Path:
    """A folder with the certificate of its authority."""
    tls = tls_registry.setup.tls
    assert tls is not None
    return tls.write_certs_d(tmp_path / "certs")


@pytest.mark.parametrize(
    ("flags", "variables", "code"),
    [
        ("", "", 1),
        ("", "SSL_CERT_FILE={certs}/ca.crt", 0),
        ("", "SSL_CERT_DIR={certs}", 0),
        ("", "SSL_CERT_DIR=/none:{certs}", 0),
        ("", "SSL_CERT_FILE=/none", 1),
        ("", "SSL_CERT_FILE=/none SSL_CERT_DIR=/none", 1),
        ("", "SSL_CERT_FILE={certs}/ca.crt SSL_CERT_DIR=/none", 0),
        ("--cert-dir={certs}", "", 0),
        ("--cert-dir={certs}", "SSL_CERT_FILE=/none", 0),
        ("--cert-dir=/none", "", 1),
        ("--cert-dir=/none", "SSL_CERT_DIR={certs}", 0),
        ("--cert-dir=/none --tls-verify=false", "", 0),
    ],
)
def test_the_same_certificates_are_believed(
    image: str, certs: Path, flags: str, variables: str, code: int
) -> None:
    home = {"PATH": os.environ["PATH"], "HOME": str(certs.parent)}
    around = home | dict(word.split("=", 1) for word in variables.format(certs=certs).split())
    line = ["inspect", *flags.format(certs=certs).split(), "--raw", image]

    theirs = subprocess.run(
        [require_program("skopeo"), *line],
        capture_output=True,
        timeout=60,
        check=False,
        env=around,
    )
    ours = run_cli(*line, program="skopeo", variables=around)

    assert (ours.code, ours.out) == (theirs.returncode, theirs.stdout.decode())
    assert ours.code == code
