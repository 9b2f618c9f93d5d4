r"""The YAML file of `sync --src yaml` (skopeo-sync(1)).

registry.example.com:
    images:
        busybox: []
        redis: ["1.0", "sha256:…"]
    images-by-tag-regex:
        nginx: ^1\.13\.[12]-alpine$
    images-by-semver:
        alpine: ">= 3.12.0"
    credentials: {username: john, password: this is a secret}
    tls-verify: true
    cert-dir: /home/john/certs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from regcopy.auth.credential import Credential
from regcopy.config.small_file import read_at_most
from regcopy.config.yaml_text import MAX_BYTES, Node, parse_mapping, truth
from regcopy.errors import ConfigurationError
from regcopy.session import Access
from regcopy.text import printable

_KEYS: Final = frozenset(
    {"images", "images-by-tag-regex", "images-by-semver", "credentials", "tls-verify", "cert-dir"}
)


@dataclass(frozen=True, slots=True)
class RegistrySource:
    """What the file says about one registry.

    Attributes:
        registry: host and port, perhaps with folders.
        images: tags and digests by repository; none stands for all tags.
        by_regex: expressions on tags by repository.
        by_semver: constraints on versions by repository.
        credential: instead of the command line's.
        tls_verify, cert_dir: the same.
        unknown: keys that mean nothing.
    """

    registry: str
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_regex: Mapping[str, str] = field(default_factory=dict)
    by_semver: Mapping[str, str] = field(default_factory=dict)
    credential: Credential | None = None
    tls_verify: bool | None = None
    cert_dir: str = ""
    unknown: tuple[str, ...] = ()

    def access(self, given: Access) -> Access:
        """Say how the registry is reached; what the file leaves open is as it was given."""
        verify = given.options.tls_verify if self.tls_verify is None else self.tls_verify
        cert_dir = self.cert_dir or given.options.cert_dir
        options = replace(given.options, tls_verify=verify, cert_dir=cert_dir)
        if self.credential is None:
            return replace(given, options=options)
        return replace(given, options=options, credential=self.credential, anonymous=False)


def read_yaml_source(path: str) -> tuple[RegistrySource, ...]:
    """Read the file; registries and repositories are in its order.

    Raises:
        ConfigurationError: it cannot be read, or is no such file.
    """
    shown = printable(path, limit=300)
    try:
        document = parse_mapping(_content(path), what="the file", aliases=True)
        return tuple(_registry(name, node) for name, node in document.items())
    except ConfigurationError as error:
        raise ConfigurationError(
            f'Failed to unmarshal "{shown}": {error.message}', hint=error.hint
        ) from None
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise ConfigurationError(f"open {shown}: {why}") from None


def _content(path: str) -> str:
    try:
        content = read_at_most(path, MAX_BYTES) or b""
        if len(content) > MAX_BYTES:
            raise ConfigurationError(f"it has more than {MAX_BYTES} bytes")
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError("it is not UTF-8 text") from None
    except ValueError as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError("that is no possible path") from None


def _registry(name: str, node: Node) -> RegistrySource:
    members = _members(node, name)
    verify = members.get("tls-verify")
    if verify is not None and truth(verify) is None:
        raise _wrong("tls-verify", "neither true nor false")
    return RegistrySource(
        registry=name,
        images={
            repository: _texts(wanted, repository)
            for repository, wanted in _members(members.get("images"), "images").items()
        },
        by_regex=_by_repository(members, "images-by-tag-regex"),
        by_semver=_by_repository(members, "images-by-semver"),
        credential=_credential(_members(members.get("credentials"), "credentials")),
        tls_verify=truth(verify),
        cert_dir=_text(members.get("cert-dir"), "cert-dir"),
        unknown=tuple(key for key in members if key not in _KEYS),
    )


def _credential(members: Mapping[str, Node]) -> Credential | None:
    user, password, token = (
        _text(members.get(key), key) for key in ("username", "password", "identitytoken")
    )
    if not (user or password or token):
        return None
    return Credential(user, password, token, origin="credentials in the file of the source")


def _by_repository(members: Mapping[str, Node], key: str) -> Mapping[str, str]:
    return {name: _text(node, name) for name, node in _members(members.get(key), key).items()}


def _members(node: Node, key: str) -> Mapping[str, Node]:
    if node is None:
        return {}
    if not isinstance(node, dict):
        raise _wrong(key, "no mapping")
    return node


def _texts(node: Node, key: str) -> tuple[str, ...]:
    if node is None:
        return ()
    if not isinstance(node, list):
        raise _wrong(key, "no list of tags and digests")
    return tuple(_text(item, key) for item in node)


def _text(node: Node, key: str) -> str:
    if isinstance(node, list | dict):
        raise _wrong(key, "no text")
    return node or ""


def _wrong(key: str, problem: str) -> ConfigurationError:
    return ConfigurationError(f'"{printable(key, limit=200)}" is {problem}')
