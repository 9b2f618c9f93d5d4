"""What the copies of a session share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.batch import DEFAULT_JOBS
from regcopy.config.environment import Environment
from regcopy.config.registries_kept import KeptRegistries
from regcopy.errors import Cancelled, ConfigurationError, NotFound, UsageError
from regcopy.events import BlobAdvanced, Event
from regcopy.session import Access, Session
from regcopy.streams.windows import WindowBudget
from regcopy.testing.samples import single_image, write_layout
from regcopy.transports.base import Clocks, Context, RetryPolicy, SideOptions
from tests.contexts import QUICK, Recorder
from tests.credentials import basic, environment, write_helper, write_json
from tests.fake_registry import Exchange, FakeRegistry
from tests.faults import refuse

PLAIN = Access(
    credential=Credential("ann", "secret"), options=SideOptions(tls_verify=False), retry=QUICK
)
IMAGE = single_image()


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


def test_a_cancelled_session_waits_for_no_credential_helper(tmp_path: Path) -> None:
    write_helper(tmp_path / "bin", "slow", "exec sleep 600")
    path = write_json(tmp_path / "auth.json", {"credsStore": "slow"})
    cancelled = threading.Event()
    asked = environment(PATH=f"{tmp_path}/bin:/usr/bin:/bin", REGISTRY_AUTH_FILE=path)
    with Session(environment=asked, cancelled=cancelled) as session:
        keychain = session.context(None, "source").keychain
        cancelled.set()
        with pytest.raises(Cancelled):
            keychain.find("example.com", "app")


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


def test_looking_at_images_shares_what_copies_share(fake: FakeRegistry) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.on("GET", "", refuse(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="all"'))
    name = f"docker://{fake.host}/app:1"
    with Session(environment=environment()) as session:
        assert list(session.list_tags(name, access=PLAIN)) == ["1"]
        assert session.get_manifest(name, access=PLAIN) == IMAGE.top
        assert session.inspect(name, access=PLAIN).digest == IMAGE.digest

    # Only the first request had to be told that a credential is needed.
    assert ["authorization" in asked.headers for asked in fake.seen].count(False) == 1


def test_an_image_is_deleted_by_a_session(fake: FakeRegistry) -> None:
    fake.hold(IMAGE, "app", "1")
    with Session(environment=environment()) as session:
        session.delete(f"docker://{fake.host}/app:1", access=PLAIN)

    assert [asked.path for asked in fake.asked("DELETE")] == [f"/v2/app/manifests/{IMAGE.digest}"]


@pytest.mark.parametrize("call", [Session.inspect, Session.get_manifest])
def test_what_cannot_be_read_says_which_image_it_was(
    call: Callable[[Session, str], object], tmp_path: Path
) -> None:
    with Session(environment=environment()) as session, pytest.raises(NotFound) as caught:
        call(session, f"dir:{tmp_path}/none")

    assert caught.value.reference == f"dir:{tmp_path}/none"


def test_the_result_of_a_copy_counts_its_own_repeated_requests(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.on("GET", "/manifests/", refuse(503), refuse(503))
    with Session(environment=environment()) as session:
        results = [
            session.copy(f"docker://{fake.host}/app:1", f"dir:{tmp_path}/{n}", source_access=PLAIN)
            for n in range(2)
        ]

    assert [result.retries for result in results] == [2, 0]


def test_repeated_requests_count_where_the_copy_has_its_own_observer(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.hold(IMAGE, "app", "1")
    fake.on("GET", "/manifests/", refuse(503))
    with Session(environment=environment()) as session:
        result = session.copy(
            f"docker://{fake.host}/app:1",
            f"dir:{tmp_path}/copy",
            source_access=PLAIN,
            observer=Recorder(),
        )

    assert result.retries == 1


@pytest.mark.parametrize("error", [Cancelled("enough"), BrokenPipeError(), KeyError("a bug")])
def test_what_an_observer_raises_ends_its_copy_and_no_other(
    fake: FakeRegistry, tmp_path: Path, error: Exception
) -> None:
    class Raising:
        def notify(self, event: Event, /) -> None:
            if isinstance(event, BlobAdvanced):
                raise error

    write_layout(IMAGE, tmp_path / "app", "1")
    source, target = f"oci:{tmp_path}/app:1", f"docker://{fake.host}/app:1"
    with Session(environment=environment()) as session:
        with pytest.raises(type(error)) as caught:
            session.copy(source, target, destination_access=PLAIN, observer=Raising())
        assert caught.value is error
        assert fake.asked("PUT", "/manifests/") == []

        assert session.copy(source, target, destination_access=PLAIN).digest == IMAGE.digest


def test_as_many_calls_as_a_list_has_jobs_share_connections_without_a_warning(
    fake: FakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    fake.hold(IMAGE, "app", "1")
    calls = 2 * DEFAULT_JOBS
    together = threading.Barrier(calls)

    def wait(_: Exchange) -> bool:
        together.wait(30)
        return False

    with Session(environment=environment()) as session, ThreadPoolExecutor(calls) as pool:

        def ask(_: int) -> object:
            return session.get_manifest(f"docker://{fake.host}/app:1", access=PLAIN)

        ask(0)  # finds out that this registry speaks plain HTTP
        fake.on("GET", "/manifests/", wait, forever=True)
        assert set(pool.map(ask, range(calls))) == {IMAGE.top}

    assert caplog.text == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Session(parallel=0),
        lambda: RetryPolicy(tries=0),
        lambda: Clocks(connect_seconds=0),
        lambda: Clocks(stall_seconds=-1),
        lambda: Clocks(slow_window_seconds=0),
        lambda: SideOptions(chunk_threshold_bytes=0),
    ],
)
def test_numbers_with_which_nothing_could_be_done_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match=r"is (0|-1), "):
        make()


def test_a_session_that_was_closed_begins_nothing(tmp_path: Path) -> None:
    session = Session(environment=environment())
    session.close()

    with pytest.raises(UsageError, match="the session is closed"):
        session.copy(f"dir:{tmp_path}/a", f"dir:{tmp_path}/b")


def test_a_session_in_use_is_refused_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(environment=environment()) as session:
        session.context(None, "source")
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            with pytest.raises(UsageError, match="forked"):
                session.context(None, "source")


def test_a_session_made_before_a_fork_is_used_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session(environment=environment()) as session:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert session.context(None, "source").side == "source"


def test_another_process_does_not_close_what_is_not_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Session(environment=environment()) as session:
        context = session.context(None, "source")
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            session.close()

        assert session.context(None, "source") is context


def test_each_copy_has_a_budget_of_retries_of_its_own(fake: FakeRegistry, tmp_path: Path) -> None:
    image = single_image()
    access = replace(PLAIN, retry=replace(QUICK, budget=1))
    with Session(environment=environment()) as session:
        for number in range(3):
            fake.hold(image, "app", f"{number}")
            fake.on("GET", f"manifests/{number}", refuse(503))

            result = session.copy(
                f"docker://{fake.host}/app:{number}",
                f"dir:{tmp_path}/{number}",
                source_access=access,
            )

            assert result.digest == image.digest
