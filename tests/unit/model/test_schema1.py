"""Docker's schema 1: what its history tells, and the config that is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regcopy.errors import LimitExceeded, ManifestInvalid, RegcopyError
from regcopy.model._json import load_object
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest, parse_manifest
from regcopy.model.mediatypes import DOCKER_LAYER_GZIP, DOCKER_MANIFEST, DOCKER_SCHEMA1
from regcopy.model.schema1 import config_of, read_schema1, schema2_of, told_config
from tests.memory import peak_of
from tests.schema1 import document, history, raw_schema1, step_id

ONE, TWO, THREE = (Digest.of(name.encode()) for name in ("one", "two", "three"))
Document = dict[str, object]


def payload(unsigned: Document) -> bytes:
    return json.dumps(unsigned).encode()


def with_text(position: int, text: object) -> Document:
    """Make a manifest of three steps; the text of one, counted from the lowest, is another."""
    made = document([ONE, TWO, THREE], history(3))
    entries = made["history"]
    assert isinstance(entries, list)
    entries[2 - position] = {"v1Compatibility": text}
    return made


def with_step(position: int, **members: object) -> Document:
    return with_text(position, json.dumps({**history(3)[position], **members}))


def test_the_lowest_layer_comes_first() -> None:
    found = read_schema1(payload(document([ONE, TWO, THREE], history(3))))

    assert (found.name, found.tag, found.architecture) == ("library/app", "1", "amd64")
    assert found.blobs == found.layers == (ONE, TWO, THREE)
    assert [step.id for step in found.steps] == [step_id(number) for number in (1, 2, 3)]
    assert found.steps[0].command == "/bin/sh -c #(nop) ADD <0>"


def test_a_layer_that_is_thrown_away_is_no_part_of_the_file_system() -> None:
    found = read_schema1(payload(document([ONE, TWO, THREE], history(3, empty=[1]))))

    assert found.blobs == (ONE, TWO, THREE)
    assert found.layers == (ONE, THREE)


def test_of_steps_with_one_id_the_lowest_counts() -> None:
    steps = history(3)
    steps[1]["id"] = steps[2]["parent"] = step_id(1)

    found = read_schema1(payload(document([ONE, TWO, THREE], steps)))

    assert [step.layer for step in found.steps] == [ONE, THREE]
    assert found.blobs == (ONE, TWO, THREE)


@pytest.mark.parametrize(
    ("unsigned", "why"),
    [
        (document([], []), '"fsLayers" is empty'),
        (document([ONE], history(2)), '"history" has 2 entries for 1 layers'),
        (document([ONE, TWO], history(1)), '"history" has 1 entries for 2 layers'),
        (document([ONE], history(1), schemaVersion=2), '"schemaVersion" is not 1'),
        (document([ONE], history(1), fsLayers=[{}]), r'"fsLayers\[0\].blobSum" is no digest'),
        (document([ONE], history(1), fsLayers=[{"blobSum": "sha256:../x"}]), "is no digest"),
        (document([ONE], history(1), history=[{"v1Compatibility": 1}]), "is not a string"),
        (document([ONE], history(1), name=[]), '"name" is not a string'),
        (document([ONE], history(1), Name="x"), '"Name" differs from a known key by case only'),
        (with_text(0, "{"), r'"history\[2\].v1Compatibility" is not valid JSON'),
        (with_text(1, "[]"), r'"history\[1\].v1Compatibility" is not a JSON object'),
        (with_text(0, '{"id":1,"id":2}'), "a key appears twice"),
        (with_step(0, parent=step_id(9)), r'"history\[2\]" does not have the entry below'),
        (with_step(1, parent=step_id(9)), r'"history\[1\]" does not have the entry below'),
        (with_step(2, parent=step_id(3)), r'"history\[0\]" does not have the entry below'),
        (with_step(1, parent=None), r'"history\[1\]" does not have the entry below'),
        (with_step(2, id=step_id(1)), r'"history\[0\]" has the ID of another entry'),
        (with_step(1, id="../../etc"), "is not 64 hex digits"),
        (with_step(1, id=step_id(2).upper().replace("0", "A")), "is not 64 hex digits"),
        (with_step(1, id=f"{step_id(2)}\n"), "is not 64 hex digits"),
        (with_step(0, id=None), "is not 64 hex digits"),
        (with_step(0, created="yesterday"), "is no time"),
        (with_step(0, container_config={"Cmd": "x"}), '"history.*Cmd" is not an array'),
        (with_step(0, container_config={"cmd": []}), "by case only"),
        (with_step(0, ThrowAway=True), "by case only"),
        (with_step(0, throwaway=1), "is neither true nor false"),
    ],
)
def test_a_history_that_makes_no_sense_is_refused_with_the_place(
    unsigned: Document, why: str
) -> None:
    with pytest.raises(ManifestInvalid, match=why):
        read_schema1(payload(unsigned))


@pytest.mark.parametrize("name", ["fsLayers", "history"])
def test_a_longer_history_than_docker_makes_is_refused_before_it_is_read(name: str) -> None:
    endless = document([ONE], history(1), **{name: ["not looked at"] * 1001})

    with pytest.raises(LimitExceeded, match=f"1001 entries in {name}"):
        read_schema1(payload(endless))


@pytest.mark.parametrize("is_signed", [True, False])
def test_no_two_readings_of_a_manifest_are_held_at_once(is_signed: bool) -> None:
    raw = raw_schema1(
        document([ONE], history(1), other=[[] for _ in range(100_000)]), is_signed=is_signed
    )

    assert peak_of(lambda: parse_manifest(raw)) < 1.5 * peak_of(lambda: load_object(raw.content))


@pytest.mark.parametrize("name", ["RootFS", "rootf\u017f", "HISTORY", "hi\u017ftory"])
def test_a_config_gets_no_member_that_could_be_taken_for_another(name: str) -> None:
    with pytest.raises(ManifestInvalid, match="by case only"):
        told_config(payload(with_step(2, **{name: {}})))


def changed(name: str) -> Callable[[object], Document]:
    return lambda value: document([ONE, TWO], history(2), **{name: value})


@given(
    st.sampled_from(["name", "tag", "architecture", "fsLayers", "history", "schemaVersion"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["blobSum", "v1Compatibility"]), inner)
        ),
        max_leaves=5,
    ),
)
def test_whatever_stands_in_a_member_the_error_is_ours(name: str, value: object) -> None:
    raw = RawManifest(payload(changed(name)(value)), DOCKER_SCHEMA1)

    with suppress(RegcopyError):
        parse_manifest(raw)


# The config.


def test_the_config_is_that_of_the_last_step_with_all_steps_as_its_history() -> None:
    last = {"author": "me", "comment": "c", "Size": 5, "layer_id": "x", "parent_id": "y"}
    found = read_schema1(payload(document([ONE, TWO], history(2, last=last))))

    config = json.loads(config_of(found, [THREE, ONE]))

    assert list(config) == sorted(config)
    assert not {"id", "parent", "parent_id", "layer_id", "Size", "throwaway"} & set(config)
    assert config["rootfs"] == {"type": "layers", "diff_ids": [str(THREE), str(ONE)]}
    assert config["history"][1] == {
        "created": "2015-01-02T03:04:01.000000002Z",
        "author": "me",
        "created_by": "/bin/sh -c #(nop) ADD <1>",
        "comment": "c",
    }


def test_a_step_without_a_layer_says_so_and_one_without_a_time_has_the_first_of_all() -> None:
    steps = history(2, empty=[1])
    del steps[1]["created"]

    config = json.loads(told_config(payload(document([ONE, TWO], steps))))

    assert config["history"][1]["empty_layer"] is True
    assert config["history"][1]["created"] == "0001-01-01T00:00:00Z"
    assert config["rootfs"]["diff_ids"] == [""]


def test_what_is_in_the_text_stays_as_it_was_written() -> None:
    text = json.dumps(history(1)[0])[:-1] + ', "odd": [1.50, "\\u00e9", "<"]}'

    config = config_of(read_schema1(payload(document([ONE], [{}]) | entry(text))), [TWO])

    assert b'"odd":[1.50,"\\u00e9","\\u003c"]' in config


def entry(text: str) -> Document:
    return {"history": [{"v1Compatibility": text}]}


def test_the_manifest_names_the_layers_that_are_not_thrown_away() -> None:
    found = read_schema1(payload(document([ONE, TWO, ONE], history(3, empty=[1]))))
    layer = Descriptor(DOCKER_LAYER_GZIP, ONE, 7)

    manifest, config = schema2_of(found, {ONE: layer}, {ONE: THREE})

    parsed = parse_manifest(RawManifest(manifest, DOCKER_MANIFEST))
    assert parsed == parse_manifest(RawManifest(manifest, ""))
    assert json.loads(manifest)["layers"] == json.loads(manifest)["layers"][:1] * 2
    assert json.loads(manifest)["config"]["digest"] == str(Digest.of(config))
    assert json.loads(config)["rootfs"]["diff_ids"] == [str(THREE), str(THREE)]
