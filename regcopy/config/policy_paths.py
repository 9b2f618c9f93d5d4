"""Find the trust policy of this user or machine (containers-policy.json(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regcopy.config.environment import Environment
from regcopy.config.small_file import read_at_most
from regcopy.errors import ConfigurationError
from regcopy.text import printable

SYSTEM_FILES: Final = (
    Path("/etc/containers/policy.json"),
    Path("/usr/share/containers/policy.json"),
)
VARIABLE: Final = "CONTAINERS_POLICY_JSON"
MAX_POLICY_BYTES: Final = 4 * 1024 * 1024


def find_policy(
    environment: Environment, *, system_files: tuple[Path, ...] = SYSTEM_FILES
) -> Path | None:
    """Give the file that counts, or None where there is none anywhere.

    A file that is there and cannot be read counts: going on without it would drop a policy
    that somebody wrote. So does a symbolic link that leads nowhere. A home folder that this
    user may not enter holds nothing of this user's: containers run under any user ID, often
    with root's home folder as `HOME`.

    Args:
        environment: tells the home folder, and may name the file.
        system_files: files for all users, the first one first.

    Raises:
        ConfigurationError: nobody can tell whether there is one.
    """
    named = environment.get(VARIABLE)
    if named:
        return Path(named)
    for path in _user_files(environment):
        if _is_there(path, skip_barred=True):
            return path
    return next((path for path in system_files if _is_there(path, skip_barred=False)), None)


def read_policy(path: Path) -> bytes:
    """Read a policy file.

    Raises:
        ConfigurationError: it cannot be read, or is too large to be one.
    """
    try:
        content = read_at_most(path, MAX_POLICY_BYTES)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if content is None or len(content) > MAX_POLICY_BYTES:
        raise ConfigurationError(
            f"Error loading trust policy: {_shown(path)} is no file of at most "
            f"{MAX_POLICY_BYTES} bytes"
        )
    return content


def _user_files(environment: Environment) -> Iterator[Path]:
    if environment.config_home:
        yield environment.config_home / "containers" / "policy.json"
    # Older versions of containers/image know no XDG_CONFIG_HOME: both places count.
    if environment.home:
        yield environment.home / ".config" / "containers" / "policy.json"


def _is_there(path: Path, *, skip_barred: bool) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        if skip_barred and isinstance(error, PermissionError):
            return False
        raise _unreadable(path, error) from None
    return True


def _unreadable(path: Path, error: OSError | ValueError) -> ConfigurationError:
    why = (error.strerror if isinstance(error, OSError) else "") or "no possible path"
    # Go's programs can open a folder, and then fail to read from it.
    verb = "read" if isinstance(error, IsADirectoryError) else "open"
    return ConfigurationError(
        f"Error loading trust policy: {verb} {_shown(path)}: {why[:1].lower()}{why[1:]}",
        hint="name another policy with --policy, or go without one with --insecure-policy",
    )


def _shown(path: Path) -> str:
    return printable(str(path), limit=300)
