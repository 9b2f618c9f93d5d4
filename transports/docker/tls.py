"""One TLS configuration for each origin, built in one place.

Verification is switched off for the registry that the user named, and for nobody else: its
token service and the storage it redirects to are verified as ever.
"""

from __future__ import annotations

import os
import re
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from regcopy.config.certs_d import TlsFiles, find_tls_files
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from regcopy.text import printable
from regcopy.transports.base import Context
from regcopy.transports.docker.origin import Origin
from regcopy.transports.tls_limits import limit_tls

if TYPE_CHECKING:
    from regcopy.config.tls_details import TlsDetails

_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")
_BUNDLE: Final = "ca-certificates.crt"
"""What Debian's update-ca-certificates makes of the files in the same folder that have hashes."""


class _Trust(NamedTuple):
    """All that two TLS configurations differ by."""

    files: TlsFiles
    verified: bool
    details: TlsDetails | None


class TlsContexts:
    """Makes the TLS configuration of an origin, once; safe for use by several threads.

    Args:
        registry: host and port as in the reference, which is how certs.d names it.
    """

    def __init__(self, registry: str, context: Context) -> None:
        self._registry = registry
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[Origin, ssl.SSLContext] = {}
        self._made: dict[_Trust, ssl.SSLContext] = {}

    def context_for(self, origin: Origin, *, is_registry: bool) -> ssl.SSLContext:
        """Give the configuration for connections to an origin.

        Raises:
            ConfigurationError: a certificate or key cannot be used, or TLS cannot be held to
                what is demanded.
        """
        with self._lock:
            if origin not in self._known:
                trust = self._trust(origin, is_registry=is_registry)
                if trust not in self._made:
                    self._made[trust] = _make(trust, self._context.environment)
                self._known[origin] = self._made[trust]
            return self._known[origin]

    def _trust(self, origin: Origin, *, is_registry: bool) -> _Trust:
        options, environment = self._context.options, self._context.environment
        if is_registry:
            files = find_tls_files(self._registry, options.cert_dir, environment)
            verified = options.tls_verify is not False
            return _Trust(files, verified=verified, details=options.tls_details)
        files = find_tls_files(origin.netloc, "", environment)
        if options.cert_dir:
            # An authority that was named for this side may have signed the certificates of
            # the registry's token service and storage too. A client certificate tells who
            # we are, and is for the registry alone.
            named = find_tls_files(self._registry, options.cert_dir, environment)
            files = TlsFiles((*files.ca_files, *named.ca_files), files.client_pairs)
        return _Trust(files, verified=True, details=options.tls_details)


class _Unverified(ssl.SSLContext):
    """A configuration that accepts everybody, and that plain HTTP servers answer at once.

    Whether a registry without verification speaks TLS is found out by trying. Some plain
    servers wait for the end of a line, which a greeting has only by chance: here the list
    of protocols in it holds one. TLS servers pass over protocols that they do not know.
    """

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols([*alpn_protocols, "\r\n\r\n"])


def _make(trust: _Trust, environment: Environment) -> ssl.SSLContext:
    kind = ssl.SSLContext if trust.verified else _Unverified
    context = kind(ssl.PROTOCOL_TLS_CLIENT)
    limit_tls(context, trust.details)
    context.hostname_checks_common_name = False
    if trust.verified:
        # As in Go, a certificate that was given is trusted even where it is no root: people
        # put a registry's self-signed certificate there.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_system_authorities(context, environment)
        for file in trust.files.ca_files:
            _load_authority(context, file)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for certificate, key in trust.files.client_pairs:
        _load_pair(context, certificate, key)
    return context


def _load_system_authorities(context: ssl.SSLContext, environment: Environment) -> None:
    """Trust what a program in Go would trust on this machine (crypto/x509, root_unix.go).

    SSL_CERT_FILE takes the place of the system's file and SSL_CERT_DIR that of its folder,
    one variable without touching what the other stands for.
    """
    paths = ssl.get_default_verify_paths()
    file = environment.get("SSL_CERT_FILE") or paths.openssl_cafile
    folders = environment.get("SSL_CERT_DIR").split(":")
    if folders == [""] or not (environment.get("SSL_CERT_FILE") or os.path.isfile(file)):
        folders.append(paths.openssl_capath)  # without a file it is all that the system has
    loaded = [_load_if_possible(context, Path(file))]
    loaded += [_load_folder(context, Path(folder)) for folder in folders if folder]
    if not any(loaded):
        # Small images have no authorities; requests brings a list of its own.
        import certifi

        context.load_verify_locations(cafile=certifi.where())


def _load_folder(context: ssl.SSLContext, folder: Path) -> bool:
    """Trust all certificates in a folder; False where there are none.

    OpenSSL looks for files that are named by hashes. What has no such name is read here: a
    cluster mounts its authorities under any name.
    """
    try:
        entries = {entry.name: entry for entry in folder.iterdir()}
    except OSError:
        return False
    hashed = {name for name in entries if _HASHED.fullmatch(name)}
    reached = {os.readlink(entries[name]) for name in hashed if entries[name].is_symlink()}
    if hashed:
        context.load_verify_locations(capath=folder)
        reached.add(_BUNDLE)
    rest = [entry for name, entry in entries.items() if name not in hashed | reached]
    loaded = [_load_if_possible(context, entry) for entry in rest if entry.is_file()]
    return bool(hashed) or any(loaded)


def _load_if_possible(context: ssl.SSLContext, file: Path) -> bool:
    try:
        context.load_verify_locations(cafile=file)
    except OSError:
        return False
    return True


def _load_authority(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:
        raise _unusable("certificate", file, error) from None


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # The empty password keeps OpenSSL from asking for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise _unusable("client certificate", certificate, error) from None


def _unusable(what: str, file: Path, error: OSError) -> ConfigurationError:
    # An SSLError is an OSError whose strerror names OpenSSL's own file and line.
    why = "not a certificate and key in PEM form" if isinstance(error, ssl.SSLError) else ""
    shown = printable(str(file), limit=300)
    return ConfigurationError(f"cannot use the {what} {shown}: {why or error.strerror}")
