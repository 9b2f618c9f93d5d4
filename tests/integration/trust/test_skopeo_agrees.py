"""The same images under the same policies: skopeo says yes where we do, and no where we do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import multi_platform_image, single_image, write_dir, write_layout
from tests.command_line import run_cli
from tests.signature_vectors import NAME, SIMPLE_VECTORS, TRUSTED, Keys, Vector
from tests.signing import Json, exact_reference, payload, signed_by, write_policy
from tests.trust_programs import both_copy, skopeo_with

ACCEPT: Final[Json] = {"type": "insecureAcceptAnything"}
REJECT: Final[Json] = {"type": "reject"}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    write_dir(single_image(), folder)
    return folder


@pytest.mark.parametrize("vector", [v for v in SIMPLE_VECTORS if v.oracle], ids=lambda v: v.name)
def test_a_vector(vector: Vector, image: Path, tmp_path: Path, gpg_keys: Keys) -> None:
    for number, content in enumerate(vector.make(gpg_keys), 1):
        (image / f"signature-{number}").write_bytes(content)
    requirement = signed_by(gpg_keys.home.export(*TRUSTED), exact_reference(NAME))
    policy = write_policy(tmp_path / "policy.json", requirement)
    ours, theirs = both_copy(gpg_keys.home.variables, policy, f"dir:{image}", tmp_path)
    wanted = 0 if vector.accepted else 1
    assert (ours.code, theirs.code) == (wanted, wanted), (ours.fatal, theirs.fatal)
    assert (tmp_path / "regcopy" / "manifest.json").exists() is vector.accepted


@pytest.mark.parametrize(
    ("scopes", "accepted"),
    [
        ({"": ACCEPT}, True),
        ({"{image}": ACCEPT}, True),
        ({"{image}": REJECT, "": ACCEPT}, False),
        ({"{parent}": ACCEPT}, True),
        ({"{parent}": ACCEPT, "{image}": REJECT}, False),
        ({"{parent}": REJECT, "{image}": ACCEPT}, True),
        ({"{parent}/other": ACCEPT}, False),
        ({"{image}/below": ACCEPT}, False),
        ({"{image}x": ACCEPT}, False),
        ({"/": ACCEPT}, False),
        ({"{image}/": ACCEPT}, False),
        ({"{parent}/./image": ACCEPT}, False),
        ({"image": ACCEPT}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("transport", ["dir", "oci"])
def test_a_scope(
    scopes: dict[str, Json], accepted: bool, transport: str, tmp_path: Path, gpg_keys: Keys
) -> None:
    image = tmp_path / "images" / "image"
    if transport == "dir":
        write_dir(single_image(), image)
    else:
        write_layout(single_image(), image)
    named = {scope.format(image=image, parent=image.parent): one for scope, one in scopes.items()}
    policy = write_policy(tmp_path / "policy.json", "reject", **{transport: named})
    variables = gpg_keys.home.variables
    ours, theirs = both_copy(variables, policy, f"{transport}:{image}", tmp_path)
    assert (ours.code == 0, theirs.code == 0) == (accepted, accepted), (ours.err, theirs.err)


def sign_all(folder: Path, keys: Keys, *, top: bool, children: bool) -> None:
    """Sign an index in a folder, its images, or both."""
    image = multi_platform_image()
    write_dir(image, folder)
    if top:
        made = keys.sign(payload(image.digest, NAME))
        (folder / "signature-1").write_bytes(made)
    for child in image.children if children else ():
        made = keys.sign(payload(child.digest, NAME))
        (folder / f"{child.digest.hex}.signature-1").write_bytes(made)


@pytest.mark.parametrize(
    ("top", "children", "flags", "ours_accept", "theirs_accept"),
    [
        (True, True, ("--all",), True, True),
        (True, False, ("--all",), False, False),
        # skopeo does not look at the index; a runtime that pulls it would.
        (False, True, ("--all",), False, True),
        (False, False, ("--all",), False, False),
        (False, True, ("--override-arch=amd64",), True, True),
        (True, False, ("--override-arch=amd64",), False, False),
        (True, False, ("--multi-arch=index-only",), True, True),
        (False, True, ("--multi-arch=index-only",), False, True),
    ],
)
def test_an_index(  # noqa: PLR0917 — one line of the table above
    top: bool,
    children: bool,
    flags: tuple[str, ...],
    ours_accept: bool,
    theirs_accept: bool,
    tmp_path: Path,
    gpg_keys: Keys,
) -> None:
    sign_all(tmp_path / "index", gpg_keys, top=top, children=children)
    requirement = signed_by(gpg_keys.home.export("good"), exact_reference(NAME))
    policy = write_policy(tmp_path / "policy.json", requirement)
    source = f"dir:{tmp_path / 'index'}"
    root = [flag for flag in flags if flag.startswith("--override")]
    rest = [flag for flag in flags if not flag.startswith("--override")]
    variables = gpg_keys.home.variables
    line = ("--policy", str(policy), *root, "copy", *rest, source)
    ours = run_cli(*line, f"dir:{tmp_path / 'ours'}", variables=variables)
    theirs = skopeo_with(variables, *line, f"dir:{tmp_path / 'theirs'}")
    assert (ours.code == 0, theirs.code == 0) == (ours_accept, theirs_accept), ours.err
    assert (tmp_path / "ours").exists() is ours_accept


def test_signatures_travel_as_they_do_with_skopeo(tmp_path: Path, gpg_keys: Keys) -> None:
    sign_all(tmp_path / "index", gpg_keys, top=True, children=True)
    policy = write_policy(tmp_path / "policy.json", "accept")
    source = f"dir:{tmp_path / 'index'}"
    ours, theirs = both_copy(gpg_keys.home.variables, policy, source, tmp_path, "--all")
    assert (ours.code, theirs.code) == (0, 0)
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / program).iterdir()}
        for program in ("regcopy", "skopeo")
    ]
    assert files[0] == files[1]
    assert sum("signature-" in name for name in files[0]) == 5


OPEN: Final = '"default":[{"type":"insecureAcceptAnything"}]'


def scoped(transport: str, scope: str, requirement: str) -> str:
    """A policy that accepts everything, but for what one scope says."""
    return f'{{{OPEN},"transports":{{"{transport}":{{"{scope}":[{requirement}]}}}}}}'


def by_keys(more: str) -> str:
    """The same with a requirement of a signature in `docker:`."""
    return scoped("docker", "a", f'{{"type":"signedBy",{more}}}')


def with_identity(identity: str) -> str:
    """The same with an identity that the signature must have."""
    return by_keys(f'"keyType":"GPGKeys","keyPath":"a","signedIdentity":{identity}')


BROKEN: Final = (
    "",
    "null",
    "[]",
    "{}",
    "{",
    '{"default":null}',
    '{"default":[]}',
    '{"default":{}}',
    '{"default":[{}]}',
    '{"default":[{"type":"nonsense"}]}',
    '{"default":[{"type":"reject","more":1}]}',
    '{"default":[{"type":"insecureAcceptAnything","type":"reject"}]}',
    '{"Default":[{"type":"insecureAcceptAnything"}]}',
    f'{{{OPEN},"more":1}}',
    f'{{{OPEN},"default":[{{"type":"reject"}}]}}',
    f'{{"default":[{{"type":"reject"}}],{OPEN}}}',
    f"{{{OPEN}}}}}",
    f"{{{OPEN}}} {{}}",
    f"\ufeff{{{OPEN}}}",
    f'{{{OPEN},"transports":[]}}',
    f'{{{OPEN},"transports":{{"dir":[]}}}}',
    f'{{{OPEN},"transports":{{"dir":{{"":[]}}}}}}',
    scoped("dir", "x", '{"type":"reject"}'),
    scoped("dir", "/", '{"type":"reject"}'),
    scoped("dir", "/a/", '{"type":"reject"}'),
    scoped("docker-archive", "x", '{"type":"reject"}'),
    scoped("docker", "a", '{"type":"signedBy"}'),
    by_keys('"keyType":"GPGKeys"'),
    by_keys('"keyType":"GPGKeys","keyPath":""'),
    by_keys('"keyType":"GPGKeys","keyPath":"a","keyData":"YQ=="'),
    by_keys('"keyType":"GPGKeys","keyData":"not base64"'),
    by_keys('"keyType":"OtherKeys","keyPath":"a"'),
    with_identity("{}"),
    with_identity("null"),
    with_identity('{"type":"nonsense"}'),
    with_identity('{"type":"matchExact","more":1}'),
    with_identity('{"type":"exactReference","dockerReference":"a/b"}'),
    with_identity('{"type":"exactRepository","dockerRepository":"A/B"}'),
    with_identity('{"type":"remapIdentity","prefix":"A/B:1","signedPrefix":"c"}'),
)


@pytest.mark.parametrize("policy", BROKEN)
def test_a_broken_policy_is_refused_by_both(
    policy: str, image: Path, tmp_path: Path, gpg_keys: Keys
) -> None:
    path = tmp_path / "policy.json"
    path.write_text(policy, encoding="utf-8")
    ours, theirs = both_copy(gpg_keys.home.variables, path, f"dir:{image}", tmp_path)
    assert (ours.code, theirs.code) == (1, 1)
    assert "policy" in ours.fatal
    assert not (tmp_path / "regcopy").exists()


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "insecureAcceptAnything"},
        {"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["a", "b"]},
        {"type": "signedBy", "keyType": "GPGKeys", "keyData": "YW\nJj"},
        {"type": "signedBy", "keyType": "signedByGPGKeys", "keyPath": "a"},
        {"type": "sigstoreSigned", "keyPath": "a", "signedIdentity": {"type": "matchRepository"}},
        {"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}},
        {
            "type": "signedBy",
            "keyType": "GPGKeys",
            "keyPath": "a",
            "signedIdentity": {
                "type": "remapIdentity",
                "prefix": "mirror:5000/vendor",
                "signedPrefix": "vendor.example.com",
            },
        },
    ],
)
def test_a_good_requirement_elsewhere_is_taken_by_both(
    requirement: Json, image: Path, tmp_path: Path, gpg_keys: Keys
) -> None:
    policy = write_policy(tmp_path / "policy.json", "accept", docker={"example.com": requirement})
    ours, theirs = both_copy(gpg_keys.home.variables, policy, f"dir:{image}", tmp_path)
    assert (ours.code, theirs.code) == (0, 0), (ours.err, theirs.err)


def test_signing_and_verifying_go_both_ways(image: Path, tmp_path: Path, gpg_keys: Keys) -> None:
    variables, manifest = gpg_keys.home.variables, str(image / "manifest.json")
    fingerprint = gpg_keys.home.fingerprint("good")
    sign = ("standalone-sign", manifest, NAME, fingerprint, "--output")
    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    assert run_cli(*sign, ours, variables=variables).code == 0
    assert skopeo_with(variables, *sign, theirs).code == 0
    verify = ("standalone-verify", manifest, NAME, fingerprint)
    for made in (ours, theirs):
        assert skopeo_with(variables, *verify, made).code == 0
        ended = run_cli(*verify, made, variables=variables)
        digest = json.dumps(str(gpg_keys.digest)).strip('"')
        assert ended.out == (
            f"Signature verified using fingerprint {fingerprint}, digest {digest}\n"
        )
