"""What the copies of a session share."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.config.environment import Environment
from regcopy.config.registries_kept import KeptRegistries
from regcopy.errors import ConfigurationError
from regcopy.session import Access, Session
from regcopy.streams.windows import WindowBudget
from regcopy.transports.base import Context
from tests.credentials import basic, environment, write_json


def registries_of(context: Context) -> KeptRegistries:
    return context.resources.get(KeptRegistries, (), lambda: KeptRegistries(Environment()))


def test_both_sides_share_one_reading_of_registries_conf() -> None:
    with Session(environment=environment()) as session:
        source, destination = session.context(None, "source"), session.context(None, "destination")

        assert registries_of(source) is registries_of(destination)


def test_all_sides_share_the_room_for_large_windows() -> None:
    def budget_of(context: Context) -> WindowBudget:
        return context.resources.get(WindowBudget, (), WindowBudget)

    with Session(environment=environment()) as session:
        usual = session.context(None, "source")
        other = session.context(Access(anonymous=True), "source")

        assert usual is not other
        assert budget_of(usual) is budget_of(other)


def test_each_side_asks_its_own_auth_file(tmp_path: Path) -> None:
    path = write_json(tmp_path / "auth.json", {"auths": {"example.com": basic("ann")}})
    with Session(environment=environment()) as session:
        named = session.context(Access(authfile=str(path)), "source").keychain
        usual = session.context(None, "destination").keychain

        found = named.find("example.com", "app")
        assert found is not None
        assert found.username == "ann"
        assert usual.find("example.com", "app") is None


def test_a_credential_beside_anonymous_access_is_refused_at_once() -> None:
    access = Access(credential=Credential("ann", "secret"), anonymous=True)
    with (
        Session(environment=environment()) as session,
        pytest.raises(ConfigurationError, match="exclude each other"),
    ):
        session.context(access, "source")
