"""The login of the current context, out of kubeconfig files."""

from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.config.kubeconfig import ClusterLogin, find_cluster_login
from regcopy.errors import ConfigurationError
from tests.clusters import CONFIG


def find(folder: Path, *texts: str) -> ClusterLogin | None:
    paths = [folder / f"config-{number}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return find_cluster_login(Environment({"KUBECONFIG": ":".join(map(str, paths))}))


def test_the_current_context_leads_to_server_and_token(tmp_path: Path) -> None:
    login = find(tmp_path, CONFIG)

    assert login is not None
    assert login.server == "https://api.cluster.example.com:6443"
    assert login.token == "sha256~secret"
    assert login.origin == f"{tmp_path}/config-0: mine"


def test_the_token_is_not_shown(tmp_path: Path) -> None:
    assert "secret" not in repr(find(tmp_path, CONFIG))


def test_json_is_read_as_well(tmp_path: Path) -> None:
    login = find(
        tmp_path,
        '{"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],'
        '"clusters":[{"name":"k","cluster":{"server":"https://api"}}],'
        '"users":[{"name":"u","user":{"token":"t"}}]}',
    )

    assert login is not None
    assert (login.server, login.token) == ("https://api", "t")


def test_several_files_are_one_and_the_first_entry_counts(tmp_path: Path) -> None:
    first = "users:\n- name: me/api-cluster\n  user: {token: other}\n"
    login = find(tmp_path, first, CONFIG)

    assert login is not None
    assert login.token == "other"


def test_the_default_file_is_in_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(CONFIG)

    assert find_cluster_login(Environment({"HOME": str(tmp_path)})) is not None
    assert find_cluster_login(Environment({"HOME": str(tmp_path / "none")})) is None


def test_a_token_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n")
    login = find(tmp_path, CONFIG.replace("token: sha256~secret", f"tokenFile: {tmp_path}/token"))

    assert login is not None
    assert login.token == "from a file"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("token: sha256~secret", "client-certificate: /x"),
        ("current-context: mine", "current-context: other"),
        ("current-context: mine", "current-context: ''"),
        ("server: https://api.cluster.example.com:6443", "insecure: true"),
        ("users:", "persons:"),
    ],
)
def test_without_server_or_token_there_is_no_login(tmp_path: Path, before: str, after: str) -> None:
    assert find(tmp_path, CONFIG.replace(before, after)) is None


@pytest.mark.parametrize("text", ["- a", "a: [", "a: 1\na: 2", "x" * 1_100_000])
def test_a_file_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="config-0"):
        find(tmp_path, text)


def test_a_missing_token_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="/nowhere"):
        find(tmp_path, CONFIG.replace("token: sha256~secret", "tokenFile: /nowhere"))
