"""Find CA and client certificates of a registry (containers-certs.d(5))."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from regcopy.text import printable

SYSTEM_FOLDERS: Final = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


class TlsFiles(NamedTuple):
    """Files for TLS with one registry, sorted by name; both empty where there are none.

    Attributes:
        ca_files: certificates to trust beside those of the system.
        client_pairs: client certificates, each with its key.
    """

    ca_files: tuple[Path, ...] = ()
    client_pairs: tuple[tuple[Path, Path], ...] = ()


def find_tls_files(
    host: str,
    cert_dir: str,
    environment: Environment,
    *,
    system_folders: tuple[Path, ...] = SYSTEM_FOLDERS,
) -> TlsFiles:
    """Find `*.crt` (CA) and `X.cert` with `X.key` (client) for a registry.

    Args:
        host: `host[:port]` as in the reference (`docker.io` for Docker Hub).
        cert_dir: folder that holds the files itself and is used alone; "" for the usual ones.
            One that does not exist is like an empty one, as in containers/image: scripts name
            folders that only some machines have, and nothing is trusted that should not be.
        environment: tells the home folder.
        system_folders: folders with one folder for each host, for all users.

    Raises:
        ConfigurationError: `cert_dir` cannot be read, or one half of a pair is missing.
    """
    if cert_dir:
        named = Path(cert_dir)
        try:
            names = _names(named)
        except FileNotFoundError:
            return TlsFiles()
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
            raise _error(f"cannot read the folder of certificates {named}: {why}") from None
        return _collect(named, names)
    for folder in _default_folders(host, environment, system_folders):
        try:
            names = _names(folder)
        except (OSError, ValueError):
            continue
        # The first folder that exists is used alone, even where it is empty, as in
        # containers/image (docker_client.go, dockerCertDir).
        return _collect(folder, names)
    return TlsFiles()


def _default_folders(
    host: str, environment: Environment, system_folders: tuple[Path, ...]
) -> Iterator[Path]:
    # The host comes from a reference and becomes a path here.
    if not host or "/" in host or host.startswith("."):
        return
    if environment.home:
        # Not config_home: containers-certs.d(5) names $HOME/.config whatever XDG says.
        yield environment.home / ".config" / "containers" / "certs.d" / host
    for folder in system_folders:
        yield folder / host


def _names(folder: Path) -> frozenset[str]:
    # Links that lead nowhere and folders are left out, as in containers/image.
    return frozenset(path.name for path in folder.iterdir() if path.is_file())


def _collect(folder: Path, names: frozenset[str]) -> TlsFiles:
    ca_files, pairs = [], []
    for name in sorted(names):
        if name.endswith(".crt"):
            ca_files.append(folder / name)
        elif name.endswith(".cert"):
            key = name.removesuffix(".cert") + ".key"
            if key not in names:
                raise _error(
                    f"{folder / name} is a client certificate without its key {key}",
                    hint="a CA certificate must be named *.crt",
                )
            pairs.append((folder / name, folder / key))
        elif name.endswith(".key"):
            certificate = name.removesuffix(".key") + ".cert"
            if certificate not in names:
                raise _error(f"{folder / name} is a key without its certificate {certificate}")
    return TlsFiles(tuple(ca_files), tuple(pairs))


def _error(message: str, *, hint: str = "") -> ConfigurationError:
    return ConfigurationError(printable(message), hint=hint)
