"""Docker's config written as OCI's: members, order, and what is left out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regcopy.errors import ManifestInvalid
from regcopy.model.image_config import to_oci_config

EMPTY = '"config":{},"rootfs":{"type":"","diff_ids":null}}'


def converted(**members: object) -> str:
    return to_oci_config(json.dumps(members).encode()).decode()


def execution(**members: object) -> str:
    """What becomes of the members of `config`."""
    text = converted(config=members)
    return text.removeprefix('{"architecture":"","os":"","config":').partition(',"rootfs"')[0]


def created(text: str) -> object:
    document: dict[str, object] = json.loads(converted(created=text))
    return document["created"]


def test_a_config_that_says_nothing_gets_what_oci_requires() -> None:
    assert converted() == '{"architecture":"","os":"",' + EMPTY


def test_null_is_as_good_as_nothing() -> None:
    names = ("created", "author", "architecture", "os", "config", "rootfs", "history")

    assert converted(**dict.fromkeys(names)) == converted()


def test_members_come_in_the_order_of_the_specifications_types() -> None:
    text = converted(
        history=[{"empty_layer": True, "comment": "c", "author": "a", "created_by": "b"}],
        rootfs={"diff_ids": ["sha256:1"], "type": "layers"},
        variant="v8",
        os="linux",
        architecture="arm64",
        author="me",
        created="2024-01-02T03:04:05Z",
        **{"os.features": ["f"], "os.version": "10"},
    )

    assert text == (
        '{"created":"2024-01-02T03:04:05Z","author":"me","architecture":"arm64","os":"linux",'
        '"os.version":"10","os.features":["f"],"variant":"v8","config":{},'
        '"rootfs":{"type":"layers","diff_ids":["sha256:1"]},'
        '"history":[{"created_by":"b","author":"a","comment":"c","empty_layer":true}]}'
    )


def test_what_oci_has_no_place_for_is_left_out() -> None:
    assert execution(Healthcheck={"Test": ["CMD"]}, OnBuild=["RUN x"], Shell=["sh"]) == "{}"
    assert converted(id="1", container_config={"Env": ["A=1"]}, docker_version="20") == converted()


def test_what_a_container_runs_with_is_kept() -> None:
    text = execution(
        StopSignal="SIGTERM",
        Labels={"b": "2", "a": "1"},
        WorkingDir="/w",
        Cmd=["c"],
        Entrypoint=["e"],
        Env=["A=1"],
        User="u",
        ArgsEscaped=True,
    )

    assert text == (
        '{"User":"u","Env":["A=1"],"Entrypoint":["e"],"Cmd":["c"],"WorkingDir":"/w",'
        '"Labels":{"a":"1","b":"2"},"StopSignal":"SIGTERM","ArgsEscaped":true}'
    )


def test_what_is_empty_is_left_out() -> None:
    assert execution(Env=[], Cmd=None, Labels={}, Volumes={}, User="", ArgsEscaped=False) == "{}"
    assert converted(history=[], author="") == converted()


def test_diff_ids_that_are_empty_stay_an_array() -> None:
    assert '"rootfs":{"type":"layers","diff_ids":[]}' in converted(
        rootfs={"type": "layers", "diff_ids": []}
    )


def test_ports_and_volumes_are_sorted_names_with_nothing_behind_them() -> None:
    assert execution(ExposedPorts={"90/tcp": {}, "80/tcp": {"x": 1}}, Volumes={"/a": None}) == (
        '{"ExposedPorts":{"80/tcp":{},"90/tcp":{}},"Volumes":{"/a":{}}}'
    )


def test_text_is_escaped_as_gos_encoder_does() -> None:
    assert execution(Env=["<&>\u2028\u2029\x7fé😀\b\f\n\x01"]) == (
        '{"Env":["\\u003c\\u0026\\u003e\\u2028\\u2029\x7fé😀\\b\\f\\n\\u0001"]}'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05.120000000Z", "2024-01-02T03:04:05.12Z"),
        ("2024-01-02T03:04:05.000Z", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05.123456789987Z", "2024-01-02T03:04:05.123456789Z"),
        ("2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05.5-07:30", "2024-01-02T03:04:05.5-07:30"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_time_is_written_as_go_writes_it(text: str, written: str) -> None:
    assert created(text) == written


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2024-01-02",
        "2024-01-02 03:04:05Z",
        "2024-01-02T03:04:05",
        "2024-02-30T03:04:05Z",
        "2024-01-02T24:00:00Z",
        "2024-01-02T03:04:05+24:00",
        "2024-01-02T03:04:05Z\n",
        "２024-01-02T03:04:05Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ManifestInvalid, match='"created" is no time'):
        created(text)


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"os": 1}, '"os" is not a string'),
        ({"config": []}, '"config" is not an object'),
        ({"config": {"Env": "A=1"}}, '"config.Env" is not an array'),
        ({"config": {"Volumes": {"/a": 1}}}, '"config.Volumes./a" is not an object'),
        ({"config": {"Labels": {"a": 1}}}, '"config.Labels.a" is not a string'),
        ({"config": {"ArgsEscaped": 1}}, '"config.ArgsEscaped" is neither true nor false'),
        ({"rootfs": {"diff_ids": [1]}}, r'"rootfs.diff_ids\[0\]" is not a string'),
        ({"history": [{"created": 1}]}, r'"history\[0\].created" is not a string'),
    ],
)
def test_a_member_of_the_wrong_type_is_named(members: dict[str, object], place: str) -> None:
    with pytest.raises(ManifestInvalid, match=f"invalid image config: {place}"):
        converted(**members)


@pytest.mark.parametrize(
    "members",
    [
        {"OS": "linux"},
        {"config": {"env": []}},
        {"rootfs": {"Type": ""}},
        {"history": [{"Author": ""}]},
    ],
)
def test_a_member_spelt_otherwise_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(ManifestInvalid, match="by case only"):
        converted(**members)


def test_what_is_no_json_is_called_an_image_config() -> None:
    with pytest.raises(ManifestInvalid, match="image config is not valid JSON"):
        to_oci_config(b"\x1f\x8b")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NAMES = st.sampled_from(["created", "os", "config", "Env", "Labels", "rootfs", "type", "history"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, JSON))
def test_any_json_is_converted_or_refused(members: dict[str, object]) -> None:
    try:
        written = to_oci_config(json.dumps(members).encode())
    except ManifestInvalid:
        return
    assert to_oci_config(written) == written
