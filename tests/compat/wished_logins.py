"""Wished-for differences of `login` and `logout`: `~` is a home, and {host} wants a password."""

from __future__ import annotations

import json
from typing import Final

from tests.compat.difference import Difference
from tests.conftest import PASSWORD, USER
from tests.credentials import basic

_RIGHT: Final = f"login --tls-verify=false --username={USER} '--password={PASSWORD}'"
_AUTH: Final = "run/containers/auth.json"
_KNOWN: Final = json.dumps({"auths": {"{host}": basic(USER, PASSWORD)}})
_SAFE: Final = "nobody is asked about what is no registry"

LOGINS: Final = (
    Difference(
        "better",
        f"{_RIGHT} {{host}}",
        "what is in the file beside the credentials is kept",
        "it belongs to somebody else",
        "logins",
        {_AUTH: '{"auths": {}, "HttpHeaders": {"a": "b"}}'},
    ),
    Difference(
        "better",
        "logout --all",
        "`--all` leaves the table of helpers",
        "it says where credentials are to be kept, and holds none",
        "logins",
        {_AUTH: '{"auths": {"z.example": {}}, "credHelpers": {}, "psFormat": "x"}'},
    ),
    Difference(
        "newer",
        f"DOCKER_CONFIG=~/docker {_RIGHT} {{host}}/team",
        "",
        "newer versions put no namespaces into a file that Docker reads",
        "logins",
    ),
    Difference(
        "newer",
        f"{_RIGHT} --compat-auth-file=~/config.json {{host}}",
        "",
        "newer versions have the flag",
        "logins",
    ),
    Difference(
        "better",
        f"{_RIGHT} 'UP PER'",
        "a registry that is none is refused before it is asked",
        _SAFE,
        "logins",
    ),
    Difference("better", f"{_RIGHT} http://", "", _SAFE, "logins"),
    Difference("better", f"{_RIGHT} a_b/../c", "", _SAFE, "logins"),
    Difference(
        "better",
        f"{_RIGHT} {{host}}",
        "an auth file that is a symbolic link is not written through",
        "a file that holds secrets is the very one that was named",
        "logins",
        {_AUTH: "-> real.json", "real.json": _KNOWN.replace(PASSWORD, "x")},
    ),
)
