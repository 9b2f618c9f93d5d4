from __future__ import annotations

from pathlib import Path

import pytest

from regcopy.config.certs_d import TlsFiles, find_tls_files
from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError

NOTHING = TlsFiles()


class Folders:
    """The folders in which certificates of registries may be."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.user = self.home / ".config/containers/certs.d"
        self.containers = root / "etc/containers/certs.d"
        self.docker = root / "etc/docker/certs.d"

    def find(self, host: str, cert_dir: str = "") -> TlsFiles:
        asked = Environment({"HOME": str(self.home), "XDG_CONFIG_HOME": "/not/asked"})
        system = (self.containers, self.docker)
        return find_tls_files(host, cert_dir, asked, system_folders=system)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_a_folder_holds_authorities_and_client_pairs(folders: Folders) -> None:
    folder = put(
        folders.containers / "example.com",
        *("b.crt", "a.crt", "client.key", "client.cert", "2.cert", "2.key"),
    )

    assert folders.find("example.com") == TlsFiles(
        (folder / "a.crt", folder / "b.crt"),
        (
            (folder / "2.cert", folder / "2.key"),
            (folder / "client.cert", folder / "client.key"),
        ),
    )


def test_other_files_and_folders_are_left_out(folders: Folders) -> None:
    folder = put(folders.containers / "example.com", "README", "a.pem", "crt", "a.crt.bak", ".crt")
    (folder / "folder.crt").mkdir()
    (folder / "nowhere.crt").symlink_to(folder / "missing")

    assert folders.find("example.com") == TlsFiles((folder / ".crt",))


def test_a_link_to_a_file_is_a_file(folders: Folders) -> None:
    # Kubernetes mounts secrets as links.
    folder = put(folders.containers / "example.com" / "..data", "ca.crt").parent
    (folder / "ca.crt").symlink_to("..data/ca.crt")

    assert folders.find("example.com") == TlsFiles((folder / "ca.crt",))


def test_the_first_folder_that_exists_is_used_alone(folders: Folders) -> None:
    places = [folders.user, folders.containers, folders.docker]
    for place in places:
        put(place / "example.com", "ca.crt")

    for place in places:
        folder = place / "example.com"
        assert folders.find("example.com") == TlsFiles((folder / "ca.crt",))
        (folder / "ca.crt").unlink()
        # Empty, and there: the next folders are not looked at.
        assert folders.find("example.com") == NOTHING
        folder.rmdir()
    assert folders.find("example.com") == NOTHING


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:5000", "localhost:5000", "[2001:db8::1]:5000", "docker.io"]
)
def test_a_folder_is_for_one_host_and_port(host: str, folders: Folders) -> None:
    put(folders.containers / host, "ca.crt")

    assert folders.find(host).ca_files
    assert folders.find("other.example") == NOTHING
    assert folders.find(f"{host}1") == NOTHING
    assert folders.find(f"www.{host}") == NOTHING


@pytest.mark.parametrize(
    "host", ["", ".", "..", "../x", "/", "a/../../x", ".hidden", "nul\0", "x" * 300]
)
def test_a_host_that_is_no_name_of_a_folder_has_no_certificates(
    host: str, folders: Folders
) -> None:
    put(folders.containers, "ca.crt")
    put(folders.containers.parent / "x", "ca.crt")
    put(folders.containers / ".hidden", "ca.crt")

    assert folders.find(host) == NOTHING


def test_no_home_is_needed(folders: Folders) -> None:
    put(folders.docker / "example.com", "ca.crt")
    system = (folders.containers, folders.docker)

    assert find_tls_files("example.com", "", Environment({}), system_folders=system).ca_files


def test_a_named_folder_is_used_alone_and_holds_the_files_itself(
    folders: Folders, tmp_path: Path
) -> None:
    put(folders.user / "example.com", "other.crt")
    named = put(tmp_path / "named", "ca.crt")

    assert folders.find("example.com", str(named)) == TlsFiles((named / "ca.crt",))


def test_a_named_folder_may_be_empty(folders: Folders, tmp_path: Path) -> None:
    put(folders.user / "example.com", "other.crt")

    assert folders.find("example.com", str(put(tmp_path / "named"))) == NOTHING


def test_a_named_folder_may_be_missing_and_no_other_is_used(
    folders: Folders, tmp_path: Path
) -> None:
    put(folders.user / "example.com", "other.crt")

    assert folders.find("example.com", str(tmp_path / "missing")) == NOTHING


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file", "Not a directory"),
        ("loop", "Too many levels"),
        ("nul\0", "no possible path"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_named_folder_that_cannot_be_read_is_an_error(
    name: str, why: str, folders: Folders, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with pytest.raises(ConfigurationError, match=f"cannot read the folder .*{why}") as caught:
        folders.find("example.com", str(tmp_path / name))

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("present", "why"),
    [
        ("a.cert", r"a\.cert is a client certificate without its key a\.key"),
        ("a.key", r"a\.key is a key without its certificate a\.cert"),
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_half_a_pair_is_an_error(present: str, why: str, is_named: bool, folders: Folders) -> None:
    folder = put(folders.containers / "example.com", present, "a.crt")

    with pytest.raises(ConfigurationError, match=why):
        folders.find("example.com", str(folder) if is_named else "")


def test_the_error_of_a_certificate_without_a_key_tells_how_authorities_are_named(
    folders: Folders,
) -> None:
    folder = put(folders.containers / "example.com", "ca.cert")

    with pytest.raises(ConfigurationError) as caught:
        folders.find("example.com", str(folder))

    assert caught.value.hint == "a CA certificate must be named *.crt"


@pytest.mark.parametrize("what", ["file", "loop"])
def test_a_default_folder_that_is_none_is_passed_over(what: str, folders: Folders) -> None:
    folders.user.mkdir(parents=True)
    place = folders.user / "example.com"
    if what == "file":
        place.touch()
    else:
        place.symlink_to(place)
    put(folders.docker / "example.com", "ca.crt")

    assert folders.find("example.com").ca_files == (folders.docker / "example.com" / "ca.crt",)
