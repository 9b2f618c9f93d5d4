"""`explain` takes the same way as `find`, and tells about it."""

from __future__ import annotations

import pytest

from regcopy.auth.chain import Explanation, FileKeychain, Lookup
from tests.credentials import (
    ALL_VARIABLES,
    CANARY,
    HOST,
    Machine,
    answer,
    basic,
    environment,
    make_unusable,
    write_helper,
    write_json,
)


def test_each_file_is_told_until_one_is_used(machine: Machine) -> None:
    make_unusable(machine.files["REGISTRY_AUTH_FILE"], "missing")
    make_unusable(machine.files["XDG_RUNTIME_DIR"], "malformed")
    make_unusable(machine.files["XDG_CONFIG_HOME"], "unreadable")
    write_json(machine.files["DOCKER_CONFIG"], {"auths": {HOST: {}}})
    machine.log_in("~/.dockercfg")

    told = machine.keychain(*ALL_VARIABLES).explain(HOST, "team/app")

    runtime, config = machine.files["XDG_RUNTIME_DIR"], machine.files["XDG_CONFIG_HOME"]
    why = (f"{runtime} is no usable auth file: it is not valid JSON",)
    why_not = (f"cannot read auth file {config}: Is a directory",)
    cfg = machine.files["~/.dockercfg"]
    assert told == Explanation(
        (
            Lookup(str(machine.files["REGISTRY_AUTH_FILE"]), "missing"),
            Lookup(str(runtime), "malformed", notes=why),
            Lookup(str(config), "unreadable", notes=why_not),
            Lookup(
                str(machine.files["DOCKER_CONFIG"]),
                "no entry",
                notes=(f"{HOST} has no credential",),
            ),
            Lookup(str(cfg), "used", HOST),
        ),
        "password",
        f'{cfg} entry "{HOST}"',
    )


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (basic("ann"), "password"),
        ({"identitytoken": CANARY}, "identity token"),
        ({"registrytoken": CANARY}, "registry token"),
        ({}, "anonymous"),
        ({"auth": CANARY}, "error"),
    ],
)
def test_the_kind_of_the_credential_is_told_and_not_the_secret(
    entry: object, kind: str, machine: Machine
) -> None:
    path = write_json(machine.root / "auth.json", {"auths": {HOST: entry}})

    told = machine.keychain(authfile=str(path)).explain(HOST, "app")

    assert told.kind == kind
    assert CANARY not in repr(told)


def test_what_would_stop_a_copy_is_the_problem(machine: Machine) -> None:
    path = machine.root / "missing.json"

    told = machine.keychain(authfile=str(path)).explain(HOST, "app")

    assert told.kind == "error"
    assert told.lookups == (Lookup(str(path), "missing"),)
    assert told.problem == f"auth file {path} does not exist"


def test_a_helper_is_told_by_its_name(machine: Machine) -> None:
    write_helper(machine.root / "bin", "keys", answer("ann"))
    path = write_json(machine.root / "auth.json", {"credHelpers": {HOST: "keys"}})
    asked = environment(PATH=f"{machine.root}/bin:/bin:/usr/bin")

    told = FileKeychain(asked, str(path)).explain(HOST, "app")

    assert told.lookups == (Lookup(str(path), "used", "docker-credential-keys"),)
    assert told.origin == f"docker-credential-keys named by {path}"


def test_names_with_control_characters_are_told_escaped(machine: Machine) -> None:
    path = write_json(machine.root / "auth\n\x1b.json", {"auths": {HOST: basic("ann")}})

    told = machine.keychain(authfile=str(path)).explain(HOST, "app")

    assert told.origin.isprintable()
    assert told.lookups[0].path.isprintable()
