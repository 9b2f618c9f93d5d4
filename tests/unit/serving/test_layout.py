"""The folder that is served, and others who work in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from regcopy.errors import ManifestInvalid, StorageFailed, UsageError
from regcopy.serving import RegistryServer
from regcopy.streams.files import Folder
from regcopy.streams.locks import try_lock
from regcopy.testing.samples import multi_platform_image, single_image, write_layout
from tests.served import Served, serving

IMAGE = single_image()
INDEX = multi_platform_image(layers=1)


def files_in(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_tag_is_the_image_of_that_name(served: Served) -> None:
    served.tools.push(INDEX, "team/app", "1.0")

    assert served.index_names() == ["team/app:1.0"]


def test_a_layout_holds_what_was_pushed_and_nothing_else(served: Served, tmp_path: Path) -> None:
    served.tools.push(INDEX, "team/app", "1.0")
    write_layout(INDEX, tmp_path / "expected", "team/app:1.0")

    assert files_in(served.root) == files_in(tmp_path / "expected")


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.tools.push(INDEX, "team/app", "1.0")
        served.tools.push(IMAGE, "team/app", "latest")
        served.tools.push(single_image(seed="new"), "team/app", "latest")
        served.tools.push(IMAGE, "other", str(IMAGE.digest))

    with serving(tmp_path) as served:
        assert served.tools.holds(INDEX, "team/app", "1.0")
        assert served.tools.holds(single_image(seed="new"), "team/app", "latest")
        assert served.tools.holds(IMAGE, "team/app", str(IMAGE.digest))
        assert served.tools.holds(IMAGE, "other", str(IMAGE.digest))


def test_a_blob_that_no_manifest_needs_is_not_told_of_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        digest = served.tools.push_blob(b"content", "app")

    with serving(tmp_path) as served:
        assert served.tools.get_blob("app", digest) is None
        assert served.tools.push_blob(b"content", "app") == digest


def test_an_existing_layout_is_served_as_it_is(tmp_path: Path) -> None:
    write_layout(INDEX, tmp_path, "team/app:1.0")
    before = {name: (tmp_path / name).read_bytes() for name in files_in(tmp_path)}

    with serving(tmp_path) as served:
        assert served.tools.holds(INDEX, "team/app", "1.0")

    assert {name: (tmp_path / name).read_bytes() for name in files_in(tmp_path)} == before


def test_images_of_other_names_stay_and_are_not_served(tmp_path: Path) -> None:
    write_layout(IMAGE, tmp_path, "latest")

    with serving(tmp_path) as served:
        assert json.loads(served.ask("GET", "_catalog").body) == {"repositories": []}
        served.tools.push(INDEX, "app", "1.0")
        assert served.index_names() == ["latest", "app:1.0"]


def test_what_another_process_enters_is_seen_at_once(served: Served, tmp_path: Path) -> None:
    served.tools.push(IMAGE, "app", "1.0")
    write_layout(INDEX, tmp_path / "other", "app:2.0")
    for path in (tmp_path / "other").rglob("blobs/*/*"):
        path.rename(served.root / path.relative_to(tmp_path / "other"))
    os.replace(tmp_path / "other" / "index.json", served.root / "index.json")

    assert served.tools.tags("app") == ["2.0"]
    assert served.tools.holds(INDEX, "app", "2.0")


def test_others_can_neither_clean_nor_delete_while_it_is_served(served: Served) -> None:
    with Folder.open(str(served.root / "blobs")) as blobs:
        assert try_lock(blobs) == "busy"
        assert try_lock(blobs, shared=True) == "held"


def test_the_lock_is_kept_when_a_blob_was_deleted(served: Served) -> None:
    digest = served.tools.push_blob(b"content", "app")

    served.ask("DELETE", f"app/blobs/{digest}")

    with Folder.open(str(served.root / "blobs")) as blobs:
        assert try_lock(blobs) == "busy"


def test_a_blob_stays_on_disk_while_another_process_may_count_on_it(served: Served) -> None:
    digest = served.tools.push_blob(b"content", "app")

    with Folder.open(str(served.root / "blobs")) as blobs:
        try_lock(blobs, shared=True)
        assert served.ask("DELETE", f"app/blobs/{digest}").status == 202

    assert served.blob_path(digest).exists()
    assert served.tools.get_blob("app", digest) is None


def test_an_unfinished_upload_goes_with_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.follow("PATCH", served.begin("app"), b"half of it")
        assert len(files_in(tmp_path / "blobs")) == 1

    assert files_in(tmp_path / "blobs") == set()


def test_what_a_killed_server_left_goes_at_the_next_start(tmp_path: Path) -> None:
    write_layout(IMAGE, tmp_path, "app:1.0")
    (tmp_path / "blobs" / ".regcopy-0123456789abcdef.tmp").write_bytes(b"half of it")

    with serving(tmp_path) as served:
        assert served.tools.holds(IMAGE, "app", "1.0")
        assert not list((tmp_path / "blobs").glob(".*"))


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("private")

    with pytest.raises(UsageError, match="neither empty nor an image layout"), serving(tmp_path):
        pass

    assert files_in(tmp_path) == {"letter.txt"}


@pytest.mark.parametrize("content", ["[]", "{}", '{"imageLayoutVersion":"2.0.0"}', "{"])
def test_a_layout_of_another_version_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "oci-layout").write_text(content)

    with pytest.raises(ManifestInvalid), serving(tmp_path):
        pass


def test_a_broken_index_is_refused_at_the_start(tmp_path: Path) -> None:
    write_layout(IMAGE, tmp_path)
    (tmp_path / "index.json").write_text("{")

    with pytest.raises(ManifestInvalid, match=r"index\.json"), serving(tmp_path):
        pass


def test_an_index_that_breaks_later_is_an_error_of_the_server(served: Served) -> None:
    served.tools.push(IMAGE, "app", "1.0")
    (served.root / "index.json").write_text("{")

    assert served.ask("GET", "app/manifests/1.0").status == 500


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageFailed), serving(tmp_path / "file"):
        pass


def test_without_a_root_everything_goes_with_the_server() -> None:
    with RegistryServer() as server:
        root = Path(server.root)
        assert (root / "oci-layout").exists()

    assert not root.exists()


def test_it_need_not_be_durable(tmp_path: Path) -> None:
    with RegistryServer(tmp_path, durable=False) as server:
        tools = Served(server.address, tmp_path).tools
        tools.push(INDEX, "app", "1.0")

        assert tools.holds(INDEX, "app", "1.0")
    assert not list(tmp_path.glob(".*"))
