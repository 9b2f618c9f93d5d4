"""Credential helpers, good and bad, as real little programs."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from regcopy.auth.credential import Credential
from regcopy.auth.helpers import MAX_OUTPUT_BYTES, ask_helper, find_helper
from regcopy.config.environment import Environment
from regcopy.errors import Cancelled, ConfigurationError
from tests.credentials import CANARY, HOST, NOT_FOUND, answer, environment, write_helper


@pytest.fixture
def path_with(tmp_path: Path) -> Environment:
    """An environment whose PATH begins with the folder `bin` of the test."""
    return environment(PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", EXTRA="kept")


def ask(script: str, tmp_path: Path, asked: Environment, seconds: float = 60) -> Credential | None:
    write_helper(tmp_path / "bin", "x", script)
    return ask_helper("x", HOST, asked, origin="here", timeout_seconds=seconds)


def refusal(script: str, tmp_path: Path, asked: Environment, seconds: float = 60) -> str:
    """Give all that the error of a helper shows; it never has a secret in it."""
    with pytest.raises(ConfigurationError) as caught:
        ask(script, tmp_path, asked, seconds)
    shown = f"{caught.value} {caught.value!r} {caught.value.hint}"
    assert CANARY not in shown
    assert "docker-credential-x" in shown
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_helper_gives_user_and_password(tmp_path: Path, path_with: Environment) -> None:
    assert ask(answer("ann", "secret"), tmp_path, path_with) == Credential(
        "ann", "secret", origin="here"
    )


def test_a_helper_gives_an_identity_token(tmp_path: Path, path_with: Environment) -> None:
    credential = ask(answer("<token>", "tok"), tmp_path, path_with)

    assert credential is not None
    assert credential.identity_token == "tok"
    assert not credential.password


def test_a_helper_gets_get_the_server_and_the_environment(
    tmp_path: Path, path_with: Environment
) -> None:
    script = f'printf "%s|%s|%s|" "$*" "$EXTRA" "$(cat)" >{tmp_path}/seen\n{NOT_FOUND}'
    ask(script, tmp_path, path_with)

    assert (tmp_path / "seen").read_text() == f"get|kept|{HOST}|"


def test_a_helper_that_does_not_read_its_input_may_answer(
    tmp_path: Path, path_with: Environment
) -> None:
    told = json.dumps({"Username": "ann", "Secret": "secret"})
    credential = ask(f"exec <&-\nprintf '%s' '{told}'", tmp_path, path_with)

    assert credential is not None
    assert credential.username == "ann"


@pytest.mark.parametrize(
    "script",
    [
        NOT_FOUND,
        "printf '\\n credentials not found in native keychain \\n\\n'\nexit 1",
        'echo \'{"Username": "", "Secret": ""}\'',
        'echo \'{"Secret": ""}\'',
    ],
)
def test_a_helper_that_has_no_credential_says_so(
    script: str, tmp_path: Path, path_with: Environment
) -> None:
    assert ask(script, tmp_path, path_with) is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"echo {CANARY}\nexit 1", "failed for example.com with exit code 1"),
        (f"echo {CANARY} >&2\nexit 3", "exit code 3"),
        ("exit 1", "exit code 1"),
        (f"{answer('ann')}\nexit 1", "exit code 1"),
        ("echo 'credentials not found in native keychain' >&2\nexit 1", "exit code 1"),
        ("echo 'no credentials server URL'\nexit 1", "exit code 1"),
        ("kill -9 $$", "signal 9"),
        ("exit 0", "not valid JSON"),
        (f"echo {CANARY}", "not valid JSON"),
        (f"printf '\\377{CANARY}'", "not valid JSON"),
        (f"echo '[\"{CANARY}\"]'", "not a JSON object"),
        (f'echo \'{{"Username": "ann", "Password": "{CANARY}"}}\'', "without a secret"),
        (f'echo \'{{"Username": "{CANARY}", "Secret": ""}}\'', "without a secret"),
        (f'echo \'{{"Username": ["{CANARY}"], "Secret": "x"}}\'', "without a secret"),
        (f'echo \'{{"Username": "ann", "Secret": {{"x": "{CANARY}"}}}}\'', "without a secret"),
    ],
)
def test_a_helper_that_fails_is_an_error_and_never_anonymous(
    script: str, why: str, tmp_path: Path, path_with: Environment
) -> None:
    assert why in refusal(script, tmp_path, path_with)


def test_a_secret_that_cannot_be_sent_is_an_error(tmp_path: Path, path_with: Environment) -> None:
    write_helper(tmp_path / "bin", "x", answer("ann", f"{CANARY}\ud800"))

    with pytest.raises(ConfigurationError, match="not valid UTF-8") as caught:
        ask_helper("x", HOST, path_with, origin="here")

    assert CANARY not in str(caught.value)


def test_what_a_helper_prints_on_stderr_is_seen_by_nobody(
    tmp_path: Path, path_with: Environment, capfd: pytest.CaptureFixture[str]
) -> None:
    script = f"echo 'the password is {CANARY}' >&2\n{answer('ann', 'secret')}"
    assert ask(script, tmp_path, path_with) is not None

    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_a_helper_that_prints_a_gigabyte_is_stopped(tmp_path: Path, path_with: Environment) -> None:
    script = f"head -c 1000000000 /dev/zero && touch {tmp_path}/finished"

    assert f"more than {MAX_OUTPUT_BYTES} bytes" in refusal(script, tmp_path, path_with)
    assert not (tmp_path / "finished").exists()


def test_an_answer_as_long_as_the_limit_is_taken(tmp_path: Path, path_with: Environment) -> None:
    told = json.dumps({"Username": "ann", "Secret": "s"})
    script = f"printf '%{MAX_OUTPUT_BYTES}s' '{told}'"

    assert ask(script, tmp_path, path_with) is not None


def test_a_helper_that_sleeps_is_ended(tmp_path: Path, path_with: Environment) -> None:
    script = f"echo $$ >{tmp_path}/number\nexec sleep 600"

    assert "no answer in 0.5 seconds" in refusal(script, tmp_path, path_with, 0.5)
    assert_ended(tmp_path / "number")


def test_a_helper_is_ended_where_the_run_is_cancelled(
    tmp_path: Path, path_with: Environment
) -> None:
    write_helper(tmp_path / "bin", "x", "exec sleep 600")
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(Cancelled):
        ask_helper("x", HOST, path_with, timeout_seconds=600, cancelled=cancelled)


def test_a_helper_that_closes_its_output_and_sleeps_is_ended(
    tmp_path: Path, path_with: Environment
) -> None:
    script = f"echo $$ >{tmp_path}/number\nexec sleep 600 >&-"

    assert "no answer in 0.5 seconds" in refusal(script, tmp_path, path_with, 0.5)
    assert_ended(tmp_path / "number")


def test_the_children_of_a_helper_are_ended_with_it(tmp_path: Path, path_with: Environment) -> None:
    # The helper itself is long gone; its child keeps the pipe open.
    script = f"sleep 600 &\necho $! >{tmp_path}/number\nexit 0"

    assert "no answer in 0.5 seconds" in refusal(script, tmp_path, path_with, 0.5)
    assert_ended(tmp_path / "number")


def assert_ended(file: Path) -> None:
    """Wait until the process whose number is in a file is gone; pytest's own limit applies."""
    status = Path("/proc", file.read_text().strip(), "stat")
    while status.exists() and ") Z " not in status.read_text():
        time.sleep(0.01)


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a b", "/bin/sh", "x/../y", "x;id", "$(id)", "x\n", "x\0", "é", "a" * 300 + "/"],
)
def test_a_name_that_is_no_plain_word_starts_nothing(
    name: str, tmp_path: Path, path_with: Environment
) -> None:
    write_helper(tmp_path, "x", f"touch {tmp_path}/started")
    (tmp_path / "bin" / "docker-credential-..").mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="no name for a credential helper") as caught:
        ask_helper(name, HOST, path_with)

    assert str(caught.value).isprintable()
    assert not (tmp_path / "started").exists()


def test_a_helper_that_is_missing_is_an_error_with_a_hint(path_with: Environment) -> None:
    with pytest.raises(ConfigurationError, match="docker-credential-x was not found on PATH") as e:
        ask_helper("x", HOST, path_with)

    assert "another auth file" in e.value.hint


def test_a_program_that_cannot_be_started_is_an_error(
    tmp_path: Path, path_with: Environment
) -> None:
    program = write_helper(tmp_path / "bin", "x", "")
    program.write_text("#!/no/such/shell\n")

    with pytest.raises(ConfigurationError, match="could not be started"):
        ask_helper("x", HOST, path_with)


def test_only_programs_count(tmp_path: Path) -> None:
    (tmp_path / "a" / "docker-credential-x").mkdir(parents=True)
    write_helper(tmp_path / "b", "x", "").chmod(0o644)
    program = write_helper(tmp_path / "c", "x", "")
    asked = environment(PATH=f"{tmp_path}/none:{tmp_path}/a:{tmp_path}/b:{tmp_path}/c")

    assert find_helper("x", asked) == program


@pytest.mark.parametrize("folders", ["", ".", "bin", ":", "::", "./bin", "~/bin"])
def test_the_current_folder_is_never_searched(
    folders: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_helper(tmp_path, "x", "")
    write_helper(tmp_path / "bin", "x", "")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigurationError, match="not found on PATH"):
        find_helper("x", environment(PATH=folders))


def test_a_folder_that_cannot_be_looked_into_is_passed_over(tmp_path: Path) -> None:
    program = write_helper(tmp_path / "open", "x", "")
    impossible = tmp_path / ("name too long for any file system" * 10)

    assert find_helper("x", environment(PATH=f"{impossible}:{tmp_path}/open")) == program


def test_without_a_path_there_is_no_helper() -> None:
    with pytest.raises(ConfigurationError, match="not found on PATH"):
        find_helper("x", Environment({}))
