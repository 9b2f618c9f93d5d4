"""How to make a sigstore signature, as in containers-sigstore-signing-params.yaml(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from regcopy.errors import ConfigurationError
from regcopy.text import printable

if TYPE_CHECKING:
    from regcopy.config.yaml_text import Node

_KEYS: Final = frozenset({"privateKeyFile", "privateKeyPassphraseFile", "fulcio", "rekorURL"})
_FULCIO_KEYS: Final = frozenset(
    {
        *("fulcioURL", "oidcMode", "oidcIDToken", "oidcIssuerURL", "oidcClientID"),
        "oidcClientSecret",
    }
)


class SigningParameters(NamedTuple):
    """What to sign with.

    Attributes:
        key_file: private key, as `generate-sigstore-key` writes it.
        passphrase_file: its first line is the passphrase; "" where the user is to be asked.
    """

    key_file: str
    passphrase_file: str = ""


def parse_signing_parameters(text: str, *, what: str) -> SigningParameters:
    """Read a file of parameters.

    Args:
        text: a YAML document.
        what: its name, for messages.

    Raises:
        ConfigurationError: it is no such document, or asks for what cannot be done.
    """
    from regcopy.config.yaml_text import parse_mapping

    document = parse_mapping(text, what=what)
    shown = printable(what, limit=300)
    fulcio = document.get("fulcio")
    if fulcio is not None and not isinstance(fulcio, dict):
        raise ConfigurationError(f"{shown}: fulcio is no mapping")
    for key in (*(document.keys() - _KEYS), *((fulcio or {}).keys() - _FULCIO_KEYS)):
        raise ConfigurationError(f"{shown}: there is no field {printable(key, limit=200)}")
    if fulcio is not None:
        raise ConfigurationError(
            f"{shown}: fulcio: signing with a certificate of Fulcio is not supported",
            hint="sign with a key: privateKeyFile and privateKeyPassphraseFile",
        )
    if _text(document, "rekorURL", shown):
        raise ConfigurationError(
            f"{shown}: rekorURL: entering signatures into a transparency log is not supported",
            hint="leave out rekorURL, where those who verify the signature can do without",
        )
    key = _text(document, "privateKeyFile", shown)
    if not key:
        raise ConfigurationError(f"{shown}: privateKeyFile is missing")
    return SigningParameters(key, _text(document, "privateKeyPassphraseFile", shown))


def _text(document: dict[str, Node], key: str, what: str) -> str:
    value = document.get(key)
    if isinstance(value, list | dict):
        raise ConfigurationError(f"{what}: {key} is no text")
    return value or ""
