"""Which entries of an auth file are for which images: a table of keys against references."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.auth.chain import FileKeychain
from regcopy.model.reference import ImageName
from tests.credentials import basic, environment, user_found, write_json

HUB_TEAM = {"docker.io/team/app", "index.docker.io/team/app", "registry-1.docker.io/team/app"}
HUB = {"busybox", "team/busybox", "library/v1/app"} | HUB_TEAM
TEAM = {"example.com/team/app", "example.com/team/app/sub"}
V1, V2 = {"example.com/v1/app"}, {"example.com/v2/app"}
EXAMPLE = {"example.com/app", "example.com/teams/app", "example.com/te/am", *TEAM, *V1, *V2}
PORT_5000 = {"example.com:5000/app", "example.com:5000/team/app"}
IPV6 = {"[2001:db8::1]:5000/app", "[2001:db8::1]:5000/team/app"}
GOOGLE = {"gcr.io/project/app"}
OTHERS = {
    "example.com:443/app",
    "example.com:50001/app",
    "www.example.com/app",
    "notexample.com/app",
    "example.com.test/app",
    "example.co/app",
    "evil.test/example.com/app",
    "evil.test/docker.io/team/app",
    "docker.io.evil.test/team/app",
    "eu.gcr.io/project/app",
    "localhost/app",
    "localhost:5000/app",
    "127.0.0.1/app",
    "127.0.0.1:5000/app",
    "[2001:db8::1]/app",
    "[::1]:5000/app",
}
REFERENCES = HUB | EXAMPLE | PORT_5000 | IPV6 | GOOGLE | OTHERS

SHAPES = [
    # A registry, in all the ways in which people and programs have written it.
    ("example.com", EXAMPLE),
    ("example.com/", EXAMPLE),
    ("https://example.com", EXAMPLE),  # Tekton's creds-init
    ("https://example.com/", EXAMPLE),
    ("http://example.com", EXAMPLE),
    ("https://example.com/v1/", EXAMPLE),
    ("https://example.com/v1", EXAMPLE),
    ("https://example.com/v2/", EXAMPLE),
    ("https://example.com/v2", EXAMPLE),
    ("example.com/v1/", EXAMPLE),
    ("example.com/v2/", EXAMPLE),
    # Ports: never left out, never added.
    ("example.com:443", {"example.com:443/app"}),
    ("https://example.com:443", {"example.com:443/app"}),
    ("example.com:5000", PORT_5000),
    ("https://example.com:5000", PORT_5000),
    ("https://example.com:5000/v2/", PORT_5000),
    ("example.com:5000/team", {"example.com:5000/team/app"}),
    ("localhost", {"localhost/app"}),
    ("localhost:5000", {"localhost:5000/app"}),
    ("http://localhost:5000/v1/", {"localhost:5000/app"}),
    ("127.0.0.1:5000", {"127.0.0.1:5000/app"}),
    # IPv6.
    ("[2001:db8::1]:5000", IPV6),
    ("https://[2001:db8::1]:5000/v2/", IPV6),
    ("[2001:db8::1]:5000/team", {"[2001:db8::1]:5000/team/app"}),
    ("[2001:db8::1]", {"[2001:db8::1]/app"}),
    ("2001:db8::1", set()),
    # Namespaces: whole parts of the path only.
    ("example.com/team", TEAM),
    ("example.com/team/", TEAM),
    ("https://example.com/team", TEAM),
    ("example.com/team/app", TEAM),
    ("example.com/team/app/sub", {"example.com/team/app/sub"}),
    ("example.com/te", {"example.com/te/am"}),
    ("example.com/v1", V1),
    ("example.com/v2", V2),
    ("gcr.io/project", GOOGLE),
    ("https://gcr.io/project", GOOGLE),
    ("example.com/team/app:1.0", set()),
    # Docker Hub.
    ("https://index.docker.io/v1/", HUB),
    ("index.docker.io", HUB),
    ("index.docker.io/v1/", HUB),
    ("https://index.docker.io/v2/", HUB),
    ("docker.io", HUB),
    ("https://docker.io", HUB),
    ("registry-1.docker.io", HUB),
    ("https://registry-1.docker.io/v2/", HUB),
    ("docker.io/team", {"team/busybox"} | HUB_TEAM),
    ("index.docker.io/team/app", HUB_TEAM),
    ("docker.io/library", {"busybox", "library/v1/app"}),
    ("docker.io/library/busybox", {"busybox"}),
    ("docker.io/busybox", set()),
    ("https://index.docker.io/v1/access-token", set()),  # `docker login` keeps one there
    # Parts of a name, and names that look alike, are for nobody else.
    ("com", set()),
    ("xample.com", set()),
    ("example", set()),
    (".example.com", set()),
    ("*.example.com", set()),
    ("*", set()),
    ("", set()),
    ("/", set()),
    ("https://", set()),
    ("https:///app", set()),
    ("hub.docker.com", set()),
    ("user@example.com", set()),
    ("https://user:secret@example.com", set()),
    ("example.com?x=/team", set()),
    ("example.com#/team", set()),
    (" example.com", set()),
    ("example.com\0", set()),
    ("ftp://example.com", set()),
    ("//example.com", set()),
]


def test_the_table_is_as_large_as_it_should_be() -> None:
    assert len(SHAPES) >= 30
    assert len(REFERENCES) >= 30
    assert len({key for key, _ in SHAPES}) == len(SHAPES)


@pytest.mark.parametrize(("key", "wanted"), SHAPES, ids=[repr(key) for key, _ in SHAPES])
def test_a_key_is_for_these_references_and_no_others(
    key: str, wanted: set[str], tmp_path: Path
) -> None:
    path = write_json(tmp_path / "auth.json", {"auths": {key: basic("ann")}})
    keychain = FileKeychain(environment(), str(path))
    names = {reference: ImageName.parse(reference) for reference in REFERENCES}

    found = {
        reference
        for reference, name in names.items()
        if keychain.find(name.registry, name.repository) is not None
    }

    assert found == wanted


@pytest.mark.parametrize(
    ("keys", "reference", "winner"),
    [
        # The longest scope first, whatever the order of the file.
        (["example.com", "example.com/team", "example.com/team/app"], "example.com/team/app", 2),
        (["example.com/team/app", "example.com/team", "example.com"], "example.com/team/x", 1),
        (["example.com", "https://example.com/team"], "example.com/team/app", 1),
        (["docker.io", "index.docker.io/team"], "team/app", 1),
        # Of several spellings, the one that was asked for.
        (["https://example.com", "example.com"], "example.com/app", 1),
        (["https://index.docker.io/v1/", "docker.io"], "busybox", 1),
        (["docker.io", "registry-1.docker.io"], "registry-1.docker.io/library/busybox", 1),
        (["https://example.com/team", "example.com/team"], "example.com/team/app", 1),
        # Otherwise the first in the file.
        (["https://example.com/v2/", "https://example.com"], "example.com/app", 0),
        (["index.docker.io", "https://index.docker.io/v1/"], "busybox", 0),
        # An entry for another port does not count.
        (["example.com:5000", "example.com"], "example.com/app", 1),
    ],
)
def test_of_several_keys_the_best_one_wins(
    keys: list[str], reference: str, winner: int, tmp_path: Path
) -> None:
    auths = {key: basic(f"user of entry {index}") for index, key in enumerate(keys)}
    path = write_json(tmp_path / "auth.json", {"auths": auths})
    name = ImageName.parse(reference)

    found = user_found(FileKeychain(environment(), str(path)), name.registry, name.repository)

    assert found == f"user of entry {winner}"


def test_an_entry_without_a_secret_does_not_hide_the_next_one(tmp_path: Path) -> None:
    auths = {"example.com/team": {}, "https://example.com": basic("ann")}
    path = write_json(tmp_path / "auth.json", {"auths": auths})
    keychain = FileKeychain(environment(), str(path))

    assert user_found(keychain, "example.com", "team/app") == "ann"
