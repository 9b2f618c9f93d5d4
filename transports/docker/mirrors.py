"""What registries.conf means for the docker transport: which registry is asked, and how.

A credential, a folder of certificates and `--tls-verify` that the user gave are about the
registry that the user named. A mirror is another registry: it gets credentials only from
files that name it, and it is insecure only where registries.conf says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from regcopy.auth.keychain import FixedKeychain, Keychain
from regcopy.config.registries_conf import (
    PullEndpoint,
    RegistriesConf,
    blocked,
    pull_endpoints,
)
from regcopy.config.registries_kept import KeptRegistries
from regcopy.model.reference import ImageName
from regcopy.transports.base import Context

_NOBODY: Final = FixedKeychain(None)


class PullPlace(NamedTuple):
    """One place to read an image from, and how it is reached."""

    endpoint: PullEndpoint
    context: Context

    @property
    def name(self) -> ImageName:
        """Name of the image there."""
        return self.endpoint.name


def pull_places(name: ImageName, context: Context) -> tuple[PullPlace, ...]:
    """Give the places to read an image from, in the order in which they are tried.

    Raises:
        UsageError: the registry is written to, and blocked.
        ConfigurationError: registries.conf cannot be used.
    """
    if context.side == "destination":
        # Whoever adds to what is there reads it where he writes: a mirror may be behind.
        return (PullPlace(PullEndpoint(name), settled(name, context)),)
    endpoints = pull_endpoints(name, _conf(context))
    return tuple(PullPlace(endpoint, _at(endpoint, name, context)) for endpoint in endpoints)


def settled(name: ImageName, context: Context) -> Context:
    """Give the context for writing to a repository, or listing it: it is not redirected.

    Raises:
        UsageError: the registry is blocked.
        ConfigurationError: registries.conf cannot be used.
    """
    table = _conf(context).find(name)
    if table is None:
        return context
    if table.blocked:
        raise blocked(table)
    return _insecure(context) if table.insecure else context


def _at(endpoint: PullEndpoint, named: ImageName, context: Context) -> Context:
    """Say how an endpoint is reached."""
    elsewhere = endpoint.name.registry != named.registry
    if endpoint.is_mirror and elsewhere:
        # Who demands verification means every registry; who forgoes it, the one he named.
        verify = True if context.options.tls_verify else None
        options = replace(context.options, tls_verify=verify, cert_dir="")
        context = replace(context, options=options)
    if endpoint.insecure:
        context = _insecure(context)
    return replace(context, keychain=_keychain(context.keychain)) if elsewhere else context


def _insecure(context: Context) -> Context:
    # What the user said counts more than the file, in either direction.
    if context.options.tls_verify is not None:
        return context
    return replace(context, options=replace(context.options, tls_verify=False))


def _keychain(given: Keychain) -> Keychain:
    """Keychain for another registry than the one that the user named."""
    if isinstance(given, FixedKeychain) and given.credential is not None:
        return given.elsewhere or _NOBODY
    return given


def _conf(context: Context) -> RegistriesConf:
    kept = context.resources.get(KeptRegistries, (), lambda: KeptRegistries(context.environment))
    return kept.get()
