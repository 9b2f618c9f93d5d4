"""The grammar of `containers-storage:`."""

from __future__ import annotations

import pytest

from regcopy.errors import InvalidReference
from regcopy.transports.containers_storage import TRANSPORT, StorageReference
from regcopy.transports.containers_storage.spec import StoreSpec
from tests.contexts import make_context

ID = "0123456789abcdef" * 4
DIGEST = f"sha256:{ID}"


def parse(text: str) -> StorageReference:
    reference = TRANSPORT.parse(text)
    assert isinstance(reference, StorageReference)
    return reference


@pytest.mark.parametrize(
    ("text", "name", "image_id"),
    [
        ("app", "docker.io/library/app:latest", ""),
        ("localhost/app:1", "localhost/app:1", ""),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}", ""),
        (f"app@{ID}", "docker.io/library/app:latest", ID),
        (f"app:1@{ID}", "docker.io/library/app:1", ID),
        (f"@{ID}", "None", ID),
        (ID, "None", ID),
        ("@0123", "None", "0123"),
    ],
)
def test_an_image_is_named_by_name_or_id(text: str, name: str, image_id: str) -> None:
    reference = parse(text)

    assert (str(reference.name), reference.id) == (name, image_id)


def test_a_short_text_of_hex_digits_may_be_an_id_or_a_name() -> None:
    assert parse("abc").may_be_id == "abc"
    assert str(parse("abc").name) == "docker.io/library/abc:latest"
    assert parse("abc:1").may_be_id == ""
    assert parse("ab").may_be_id == ""


@pytest.mark.parametrize(
    ("text", "store"),
    [
        ("[/store]", StoreSpec(graph_root="/store")),
        ("[vfs@/store]", StoreSpec("vfs", "/store")),
        ("[vfs@/store+/run]", StoreSpec("vfs", "/store", "/run")),
        ("[vfs@/store+/run:a=b,c=d]", StoreSpec("vfs", "/store", "/run", ("a=b", "c=d"))),
        ("[vfs@/store:a=b@c]", StoreSpec("vfs", "/store", "", ("a=b@c",))),
    ],
)
def test_a_store_stands_in_brackets(text: str, store: StoreSpec) -> None:
    reference = parse(f"{text}localhost/app:1")

    assert reference.store == store
    assert str(reference) == f"containers-storage:{text}localhost/app:1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[]app",
        "[vfs@]app",
        "[@/store]app",
        "[store]app",
        "[vfs@store]app",
        "[vfs@/store+run]app",
        "[vfs@/store]",
        "App",
        "app@",
        "app@xyz",
        f"@{DIGEST}",
        "@ab",
        f"app@{ID}0",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse(text)


def test_policy_names_store_and_image() -> None:
    reference = parse("[vfs@/store]host.example/a/app:1")

    assert reference.policy_identity == "[vfs@/store]host.example/a/app:1"
    assert reference.policy_namespaces == (
        "[vfs@/store]host.example/a/app",
        "[vfs@/store]host.example/a",
        "[vfs@/store]host.example",
        "[vfs@/store]",
        "[/store]",
    )


@pytest.mark.parametrize(("tag", "name"), [("2", "localhost/app:2"), ("other:3", "other:3")])
def test_more_names_are_in_the_same_store(tag: str, name: str) -> None:
    more = parse("[vfs@/store]localhost/app:1").with_tag(tag)

    assert more == parse(f"[vfs@/store]{name}")


@pytest.mark.parametrize("text", [ID, f"app@{DIGEST}", f"app@{ID}"])
def test_only_a_name_with_a_tag_can_be_written(text: str) -> None:
    with pytest.raises(InvalidReference, match="a destination must be a name"):
        parse(text).open_destination(make_context("destination"))
