"""What a run may be told about trust, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from regcopy.config.environment import Environment
from regcopy.config.policy_paths import find_policy, read_policy
from regcopy.errors import UsageError
from regcopy.trust.log import debug
from regcopy.trust.policy import ACCEPT_ANYTHING, AcceptAnything, Policy

if TYPE_CHECKING:
    from regcopy.config.registries_d import RegistriesD


@dataclass(frozen=True, slots=True)
class TrustOptions:
    """Which images may be used, and where their signatures are.

    Attributes:
        policy_file: trust policy, instead of the user's or the machine's.
        insecure_policy: ask no policy at all.
        require_signed: `insecureAcceptAnything` does not count, so that the policy must
            demand a signature.
        registries_d: folder that tells where signatures are, instead of the usual ones.

    Raises:
        UsageError: no policy, and signatures required.
    """

    policy_file: str = ""
    insecure_policy: bool = False
    require_signed: bool = False
    registries_d: str = ""

    def __post_init__(self) -> None:
        if self.insecure_policy and self.require_signed:
            raise UsageError("--insecure-policy and --require-signed are mutually exclusive")


@dataclass(frozen=True, eq=False)
class Trust:
    """A policy that was read, and what is needed to follow it.

    Attributes:
        policy: what images must satisfy.
        require_signed: see `TrustOptions`.
        registries_folder: see `TrustOptions.registries_d`.
        environment: tells where configuration is, and gpg.
    """

    policy: Policy
    require_signed: bool = False
    registries_folder: str = ""
    environment: Environment = field(default_factory=Environment)

    @cached_property
    def registries_d(self) -> RegistriesD:
        """Where signatures are; read when the first image of a registry is looked at.

        Raises:
            ConfigurationError: a file cannot be read, or is broken.
        """
        from regcopy.config.registries_d import load_registries_d  # only registries have any

        return load_registries_d(self.registries_folder, self.environment)


def load_trust(options: TrustOptions, environment: Environment) -> Trust:
    """Read the policy that counts.

    Without any policy file every image is accepted: a container needs none. A file that is
    there is followed exactly.

    Raises:
        ConfigurationError: a policy that was named, or that is there, cannot be used.
    """
    policy = ACCEPT_ANYTHING
    if not options.insecure_policy:
        policy = _find(options, environment)
    return Trust(policy, options.require_signed, options.registries_d, environment)


def accept_anything(environment: Environment | None = None) -> Trust:
    """Give the trust that asks no policy."""
    return Trust(ACCEPT_ANYTHING, environment=environment or Environment())


def _find(options: TrustOptions, environment: Environment) -> Policy:
    from regcopy.trust.policy_file import parse_policy

    path = Path(options.policy_file) if options.policy_file else find_policy(environment)
    if path is None:
        debug("there is no trust policy: unsigned images are accepted")
        return Policy((AcceptAnything(),))
    debug("following the trust policy in %s", path)
    return parse_policy(read_policy(path), name=str(path))
