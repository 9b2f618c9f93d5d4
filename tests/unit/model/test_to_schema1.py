"""Images that become schema 1: IDs, empty layers, and what a config must have for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import ManifestInvalid, ManifestUnsupported
from regcopy.model.digest import Digest
from regcopy.model.schema1 import config_of, read_schema1
from regcopy.model.to_schema1 import (
    EMPTY_LAYER,
    EMPTY_LAYER_DIGEST,
    schema1_text,
    schema1_text_with,
)
from tests.schema1 import EMPTY_LAYER as KNOWN_EMPTY_LAYER
from tests.schema1 import document, history

ONE, TWO, THREE = (Digest.of(name.encode()) for name in ("one", "two", "three"))
Entry = dict[str, object]


def config(entries: object, **members: object) -> bytes:
    return json.dumps({"architecture": "arm64", "history": entries, **members}).encode()


def text(
    content: bytes, layers: Sequence[Digest], now: dict[Digest, Digest] | None = None
) -> bytes:
    return schema1_text(content, layers, now or {}, name="a/b", tag="1")


def test_the_empty_layer_is_the_one_that_everybody_has() -> None:
    assert EMPTY_LAYER == KNOWN_EMPTY_LAYER
    assert str(EMPTY_LAYER_DIGEST).startswith("sha256:a3ed95caeb02")


def test_each_step_has_its_layer_and_those_without_one_the_empty_one() -> None:
    entries: list[Entry] = [{"created_by": "ADD"}, {"empty_layer": True}, {"comment": "c"}]

    found = read_schema1(text(config(entries), [ONE, TWO]))

    assert (found.name, found.tag, found.architecture) == ("a/b", "1", "arm64")
    assert found.blobs == (ONE, EMPTY_LAYER_DIGEST, TWO)
    assert found.layers == (ONE, TWO)
    assert [step.command for step in found.steps[:2]] == ["ADD", ""]


def test_an_id_is_made_of_the_layer_and_the_id_below_and_at_the_top_of_the_config() -> None:
    content = config([{}, {}])

    first, last = read_schema1(text(content, [ONE, TWO])).steps

    assert first.id == hashlib.sha256(f"{ONE.hex} ".encode()).hexdigest()
    whole = f"{TWO.hex} {first.id} {content.decode()}"
    assert last.id == hashlib.sha256(whole.encode()).hexdigest()
    assert last.parent == first.id


def test_an_id_does_not_depend_on_how_the_layer_is_compressed() -> None:
    content = config([{}])

    before, after = (read_schema1(text(content, [ONE], now)) for now in ({}, {ONE: TWO}))

    assert [step.id for step in before.steps] == [step.id for step in after.steps]
    assert after.blobs == (TWO,)


def test_the_last_step_has_the_config_but_for_history_and_rootfs() -> None:
    content = config([{}, {"empty_layer": True}], rootfs={"diff_ids": []}, os="linux", odd=1.5)

    last = json.loads(read_schema1(text(content, [ONE])).steps[-1].text)

    assert list(last) == ["architecture", "id", "odd", "os", "parent", "throwaway"]
    assert last["throwaway"] is True


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "empty_layer": st.booleans(),
            "created_by": st.text(max_size=5),
            "author": st.text(max_size=5),
            "created": st.just("2024-01-02T03:04:05Z"),
        },
    ),
    min_size=1,
    max_size=6,
)


@given(ENTRIES)
def test_what_becomes_schema_1_comes_back_with_its_history(entries: list[Entry]) -> None:
    count = sum(not entry.get("empty_layer") for entry in entries)
    layers = [Digest.of(bytes([number])) for number in range(count)]

    found = read_schema1(text(config(entries, os="linux"), layers))
    back = json.loads(config_of(found, layers))

    assert found.layers == tuple(layers)
    # What ran last stands in the config alone, where Docker puts it.
    commands = [entry.get("created_by", "") for entry in entries[:-1]]
    assert [step.get("created_by", "") for step in back["history"][:-1]] == commands
    assert [step.get("empty_layer", False) for step in back["history"]] == [
        entry.get("empty_layer", False) for entry in entries
    ]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "has no history"),
        (None, "has no history"),
        ([{}] * 3, "more layers than the 2"),
        ([{}, {"empty_layer": True}], "fewer layers than the 2"),
        (["not looked at"] * 1001, "1001 entries"),
    ],
)
def test_a_history_that_does_not_fit_the_layers_is_refused(entries: object, why: str) -> None:
    with pytest.raises(ManifestUnsupported, match=why):
        text(config(entries), [ONE, TWO])


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"\xff", b'{"history": 1}', b'{"history": [1]}', b'{"History": []}'),
        *(b'{"history": [{"created": 1}]}', b'{"history": [{"Created_By": "x"}]}'),
        *(b'{"history": [{}], "Id": ""}', b'{"history": [{}], "Throwaway": true}'),
    ],
)
def test_a_config_that_is_broken_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        text(content, [ONE])


def test_an_image_of_schema_1_can_get_other_layers_and_keeps_its_texts() -> None:
    before = read_schema1(json.dumps(document([ONE, TWO, ONE], history(3))).encode())

    after = read_schema1(schema1_text_with(before, {ONE: THREE}))

    assert after.blobs == (THREE, TWO, THREE)
    assert [step.text for step in after.steps] == [step.text for step in before.steps]
    assert after[:3] == before[:3]
