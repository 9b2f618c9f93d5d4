"""Five doors through which a registry could lead credentials to a place of its choice.

The realm of a challenge, a redirect, an upload's `Location`, a `Link` to the next page, and
another port or scheme of the same host. The secrets are canaries: they are looked for in
everything that the other server hears, and in everything that is logged.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import pytest

from regcopy.auth.credential import Credential
from regcopy.errors import RegcopyError, Unauthorized
from regcopy.transports.base import SideOptions
from regcopy.transports.docker.client import RegistryClient
from regcopy.transports.docker.messages import Hop, Secret
from tests.http_world import client_of, get, put
from tests.played_server import PlayedServer, answer, says

PASSWORD = "canary-password"
TOKEN = "canary-token"
BASIC = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
CANARIES = (PASSWORD, TOKEN, BASIC, "canary-refresh")
LOGIN = Credential("user", PASSWORD)


def challenge(text: str) -> bytes:
    return answer(401, b"{}", {"WWW-Authenticate": text})


def assert_no_secret(*heard: object) -> None:
    told = repr(heard)
    assert [canary for canary in CANARIES if canary in told] == []


@pytest.fixture
def stranger() -> Iterator[PlayedServer]:
    """Another server on this machine; it gladly takes whatever is sent to it."""
    with PlayedServer(says(*[answer(200, b'{"token": "evil"}')] * 3)) as server:
        yield server


def logged_in(*answers: bytes) -> PlayedServer:
    """A registry that wants a password, and then answers so."""
    return PlayedServer(says(challenge('Basic realm="x"'), *answers))


def try_hard(client: RegistryClient, *targets: str) -> list[RegcopyError]:
    """Ask for each target, and collect the errors."""
    errors = []
    for target in targets:
        try:
            client.send(get(target)).close()
        except RegcopyError as error:
            errors.append(error)
    return errors


def test_a_password_does_not_go_to_another_realm(stranger: PlayedServer) -> None:
    bearer = f'Bearer realm="http://{stranger.host}/token",service="x"'
    with (
        PlayedServer(says(challenge(bearer))) as registry,
        client_of(registry.host, credential=LOGIN) as client,
        pytest.raises(Unauthorized, match="no part of it") as caught,
    ):
        client.send(get())

    assert f"--token-host {stranger.host}" in caught.value.hint
    assert stranger.heard == []


def test_an_identity_token_does_not_go_to_another_realm(stranger: PlayedServer) -> None:
    login = Credential(identity_token="canary-refresh")
    bearer = f'Bearer realm="http://{stranger.host}/token"'
    with (
        PlayedServer(says(challenge(bearer))) as registry,
        client_of(registry.host, credential=login) as client,
        pytest.raises(Unauthorized),
    ):
        client.send(get())

    assert stranger.heard == []


def test_a_password_goes_to_a_realm_that_the_user_named(stranger: PlayedServer) -> None:
    bearer = f'Bearer realm="http://{stranger.host}/token"'
    options = SideOptions(tls_verify=False, token_hosts=(stranger.host,))
    with (
        PlayedServer(says(challenge(bearer), answer(200))) as registry,
        client_of(registry.host, credential=LOGIN, options=options) as client,
    ):
        client.send(get()).close()

    assert f"Authorization: Basic {BASIC}".encode() in stranger.heard[0]
    assert b"Authorization: Bearer evil" in registry.heard[1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_does_not_take_the_password_along(stranger: PlayedServer, status: int) -> None:
    there = {"Location": f"http://{stranger.host}/blob?sig=x"}
    with (
        logged_in(answer(status, headers=there)) as registry,
        client_of(registry.host, credential=LOGIN) as client,
    ):
        client.send(get()).close()

    assert stranger.heard[0].startswith(b"GET /blob?sig=x ")
    assert_no_secret(stranger.heard)


def test_the_query_of_a_redirect_is_sent_and_logged_by_nobody(
    stranger: PlayedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    there = {"Location": f"http://{stranger.host}/blob?sig={TOKEN}"}
    with (
        PlayedServer(says(answer(307, headers=there))) as registry,
        client_of(registry.host) as client,
    ):
        client.send(get()).close()

    assert stranger.heard[0].startswith(f"GET /blob?sig={TOKEN} ".encode())
    assert "/blob" in caplog.text
    assert_no_secret(caplog.text)


def test_a_redirect_and_back_is_anonymous_all_the_way() -> None:
    """Somebody else must not choose what our credentials are used for."""
    with (
        PlayedServer(says(challenge('Basic realm="x"'), b"")) as registry,
        PlayedServer(
            says(answer(302, headers={"Location": f"http://{registry.host}/v2/private"}))
        ) as stranger,
    ):
        there = answer(307, headers={"Location": f"http://{stranger.host}/"})
        registry._scripts = [
            says(challenge('Basic realm="x"'), there),
            says(challenge('Basic realm="x"')),
            says(challenge('Basic realm="x"')),
        ]
        with client_of(registry.host, credential=LOGIN) as client:
            try_hard(client, "/v2/app/blobs/x")

    assert BASIC.encode() in registry.heard[1]
    back = [head for head in registry.heard if head.startswith(b"GET /v2/private")]
    assert back
    assert BASIC.encode() not in back[0]


def test_a_challenge_of_a_redirect_target_is_not_answered(stranger: PlayedServer) -> None:
    stranger._scripts = [says(challenge('Basic realm="y"'), answer(200))]
    there = answer(307, headers={"Location": f"http://{stranger.host}/blob"})
    with (
        logged_in(there) as registry,
        client_of(registry.host, credential=LOGIN) as client,
        pytest.raises(Unauthorized),
    ):
        client.send(get())

    assert len(stranger.heard) == 1
    assert_no_secret(stranger.heard)


def test_a_challenge_of_a_redirect_target_is_nothing_the_registry_asked(
    stranger: PlayedServer,
) -> None:
    stranger._scripts = [says(challenge('Basic realm="y"'))]
    there = answer(307, headers={"Location": f"http://{stranger.host}/blob"})
    with (
        PlayedServer(says(there, answer(200))) as registry,
        client_of(registry.host, credential=LOGIN) as client,
        pytest.raises(Unauthorized),
    ):
        client.send(get())

    assert len(registry.heard) == 1
    assert_no_secret(registry.heard)


def test_a_secret_for_another_origin_is_stopped_where_requests_are_written(
    stranger: PlayedServer,
) -> None:
    """Whatever a caller may get wrong, this is the last door."""
    hop = Hop("GET", f"http://{stranger.host}/", "it", secret=Secret("Basic canary-password"))
    with (
        client_of("registry.example") as client,
        pytest.raises(Unauthorized, match="must not go to") as caught,
    ):
        client._http.exchange(hop)

    assert stranger.heard == []
    assert_no_secret(str(caught.value))


def test_an_upload_location_elsewhere_gets_the_bytes_and_no_password(
    stranger: PlayedServer,
) -> None:
    stranger._scripts = [says(answer(201))]
    with (
        logged_in(answer(200)) as registry,
        client_of(registry.host, credential=LOGIN) as client,
    ):
        client.send(get()).close()
        client.send(put(b"layer", f"http://{stranger.host}/upload?state=1")).close()

    assert BASIC.encode() in registry.heard[1]
    assert stranger.heard[0].startswith(b"PUT /upload?state=1 ")
    assert_no_secret(stranger.heard)


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_a_body_does_not_follow_a_redirect_elsewhere(stranger: PlayedServer, method: str) -> None:
    there = answer(307, headers={"Location": f"http://{stranger.host}/upload"})
    with (
        PlayedServer(says(there)) as registry,
        client_of(registry.host) as client,
        pytest.raises(RegcopyError, match="where a body must not follow"),
    ):
        client.send(put(b"layer", method=method))

    assert stranger.heard == []


def test_a_next_page_elsewhere_gets_no_password(stranger: PlayedServer) -> None:
    """A caller that follows a `Link` gives it to the client as a target."""
    with (
        logged_in(answer(200)) as registry,
        client_of(registry.host, credential=LOGIN) as client,
    ):
        client.send(get()).close()
        client.send(get(f"http://{stranger.host}/v2/app/tags/list?last=x")).close()

    assert BASIC.encode() in registry.heard[1]
    assert_no_secret(stranger.heard)


def test_a_token_redirect_elsewhere_is_refused(stranger: PlayedServer) -> None:
    there = answer(307, headers={"Location": f"http://{stranger.host}/token"})
    with PlayedServer(says(there)) as service:
        bearer = f'Bearer realm="http://{service.host}/token"'
        options = SideOptions(tls_verify=False, token_hosts=(service.host,))
        with (
            PlayedServer(says(challenge(bearer))) as registry,
            client_of(registry.host, credential=LOGIN, options=options) as client,
            pytest.raises(RegcopyError, match="redirects to another place"),
        ):
            client.send(get())

    assert stranger.heard == []


def test_an_identity_token_is_not_redirected_at_all() -> None:
    login = Credential(identity_token="canary-refresh")
    registry = PlayedServer(says(b""))
    with registry:
        bearer = f'Bearer realm="http://{registry.host}/token"'
        moved = answer(308, headers={"Location": "/other"})
        registry._scripts = [says(challenge(bearer), moved, answer(200))]
        with (
            client_of(registry.host, credential=login) as client,
            pytest.raises(RegcopyError, match="redirects to another place"),
        ):
            client.send(get())

    assert [head.split()[1] for head in registry.heard] == [
        b"/v2/app/manifests/1",
        b"/token",
    ]


def test_a_registry_that_repeats_our_secrets_does_not_make_us_show_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "regcopy")
    echo = answer(
        403,
        f'{{"errors": [{{"code": "DENIED", "message": "bad {PASSWORD} {BASIC}"}}]}}'.encode(),
    )
    with (
        logged_in(echo) as registry,
        client_of(registry.host, credential=LOGIN) as client,
    ):
        (error,) = try_hard(client, "/v2/app/manifests/1?secret=canary-token")

    assert "bad *** ***" in str(error)
    assert_no_secret(str(error), repr(error), error.hint, vars(error), caplog.text)


def test_a_token_service_that_repeats_our_secrets_does_not_make_us_show_them() -> None:
    with PlayedServer(says(b"")) as registry:
        bearer = f'Bearer realm="http://{registry.host}/token"'
        details = f'{{"details": "no such user: user/{PASSWORD}"}}'.encode()
        registry._scripts = [says(challenge(bearer), answer(401, details))]
        with client_of(registry.host, credential=LOGIN) as client:
            (error,) = try_hard(client, "/v2/app/manifests/1")

    assert "no such user: user/***" in str(error)
    assert_no_secret(str(error), repr(error), error.hint)


def test_a_query_is_neither_logged_nor_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "regcopy")
    with PlayedServer(says(b"")) as registry, client_of(registry.host) as client:
        registry._scripts = [says(answer(307, headers={"Location": "/x?sig=canary-token"}))] * 2
        registry._scripts.append(says(answer(404)))
        (error,) = try_hard(client, "/v2/app/blobs/x?state=canary-token")

    assert "GET http" in caplog.text
    assert_no_secret(caplog.text, str(error), vars(error))


def test_secrets_have_no_repr() -> None:
    secret = Secret("Basic canary-password", b"canary-token")

    assert_no_secret(repr(secret), repr(Hop("GET", "http://x/", "it", secret=secret)))
