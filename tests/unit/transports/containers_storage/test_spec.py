"""Where a store is looked for when a reference does not say it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError
from regcopy.transports.containers_storage.spec import StoreFolders, StoreSpec, find_folders


def configured(folder: Path, text: str, **variables: str) -> Environment:
    path = folder / "storage.conf"
    path.write_text(text)
    return Environment({"CONTAINERS_STORAGE_CONF": str(path), **variables})


def test_the_configuration_names_folder_and_driver(tmp_path: Path) -> None:
    environment = configured(tmp_path, '[storage]\ndriver = "vfs"\ngraphroot = "/store"\n')

    assert find_folders(StoreSpec(), environment) == StoreFolders("vfs", ("/store",))


def test_a_reference_is_stronger_than_the_configuration(tmp_path: Path) -> None:
    environment = configured(tmp_path, '[storage]\ndriver = "vfs"\ngraphroot = "/store"\n')

    found = find_folders(StoreSpec("overlay", "/other"), environment)
    assert found == StoreFolders("overlay", ("/other",))


def test_the_environment_names_the_driver(tmp_path: Path) -> None:
    environment = configured(tmp_path, '[storage]\ngraphroot = "/store"\n', STORAGE_DRIVER="vfs")

    assert find_folders(StoreSpec(), environment).driver == "vfs"


def test_additional_stores_belong_to_the_configured_one(tmp_path: Path) -> None:
    environment = configured(
        tmp_path,
        '[storage]\ndriver="vfs"\ngraphroot="/store"\n'
        '[storage.options]\nadditionalimagestores=["/more"]\n',
    )

    assert find_folders(StoreSpec(), environment).roots == ("/store", "/more")
    assert find_folders(StoreSpec("", "/other"), environment).roots == ("/other",)


@pytest.mark.parametrize(
    ("there", "driver"), [("vfs", "vfs"), ("overlay", "overlay"), ("", "overlay")]
)
def test_a_driver_that_nobody_names_is_found_in_the_store(
    tmp_path: Path, there: str, driver: str
) -> None:
    if there:
        (tmp_path / f"{there}-images").mkdir()

    found = find_folders(StoreSpec("", str(tmp_path)), configured(tmp_path, ""))
    assert found.driver == driver


def test_without_a_word_it_is_the_systems_store_or_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = configured(tmp_path, "", HOME="/home/me")
    for user, root in ((0, "/var/lib"), (1000, "/home/me/.local/share")):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert find_folders(StoreSpec(), environment).roots == (f"{root}/containers/storage",)


def test_a_users_own_path_may_have_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    environment = configured(
        tmp_path, '[storage]\nrootless_storage_path = "$HOME/images"\n', HOME="/home/me"
    )

    assert find_folders(StoreSpec(), environment).roots == ("/home/me/images",)


@pytest.mark.parametrize(
    "text", ["[storage", "storage = 1", "[storage]\ngraphroot = '''", "x = \xff", "#" * 1_100_000]
)
def test_a_broken_configuration_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "storage.conf").write_bytes(text.encode("latin-1"))
    environment = Environment({"CONTAINERS_STORAGE_CONF": str(tmp_path / "storage.conf")})
    with pytest.raises(ConfigurationError, match=r"storage\.conf"):
        find_folders(StoreSpec(), environment)


def test_a_configuration_that_was_named_must_be_there(tmp_path: Path) -> None:
    environment = Environment({"CONTAINERS_STORAGE_CONF": str(tmp_path / "none")})
    with pytest.raises(ConfigurationError, match="No such file"):
        find_folders(StoreSpec(), environment)


def test_other_drivers_are_named_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="btrfs") as caught:
        find_folders(StoreSpec("btrfs", "/store"), configured(tmp_path, ""))
    assert "podman save" in caught.value.hint
