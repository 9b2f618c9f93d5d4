"""TLS to a daemon, with files under the names that Docker has for them."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from regcopy.errors import ConfigurationError
from regcopy.transports.tls_limits import limit_tls

if TYPE_CHECKING:
    from regcopy.transports.base import Context


def make_tls_context(context: Context) -> ssl.SSLContext:
    """Make the configuration for one side's daemon.

    `ca.pem`, `cert.pem` and `key.pem` are taken from `--…-cert-dir`, else from
    DOCKER_CERT_PATH, else from `.docker` in the home folder, as Docker does. The daemon's
    certificate is verified unless `--…-tls-verify=false` was given.

    Raises:
        ConfigurationError: a folder that was named is not there, a file cannot be used, or TLS
            cannot be held to what is demanded.
    """
    made = ssl.create_default_context()
    limit_tls(made, context.options.tls_details)
    folder = _folder(context)
    authority, certificate, key = (
        os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem")
    )
    try:
        if folder and os.path.exists(authority):
            made.load_verify_locations(cafile=authority)
        if folder and os.path.exists(certificate):
            made.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"cannot use the daemon's certificates in {folder}: {error}",
            hint="it needs ca.pem, and for a client certificate cert.pem and key.pem",
        ) from None
    if context.options.tls_verify is False:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def _folder(context: Context) -> str:
    named = context.options.cert_dir or context.environment.get("DOCKER_CERT_PATH")
    if named and not os.path.isdir(named):
        raise ConfigurationError(f"there is no folder of certificates {named}")
    home = context.environment.home
    return named or (str(home / ".docker") if home else "")


def _no_password() -> str:
    # Without this, OpenSSL asks on the terminal.
    raise ValueError("the key is encrypted, which is not supported")
