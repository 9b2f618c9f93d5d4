"""Configs that Docker before 1.8.3 wrote are written anew; those of later versions stay."""

from __future__ import annotations

import json

import pytest

from regcopy.errors import ManifestInvalid
from regcopy.model.v1_image import rewritten_v1_image


@pytest.mark.parametrize(
    ("version", "stays"),
    [
        *(("", True), ("1.8.3", True), ("1.8.10", True), ("1.10.0", True), ("20.10", True)),
        *(("1.8.3.0", True), ("2", True), ("1.8", False), ("1.8.2", False), ("0.9.1", False)),
        *(("1.8.3-rc1", False), ("1.8.2-fc22", False), ("none", False), ("1." + "9" * 30, False)),
    ],
)
def test_the_version_decides(version: str, stays: bool) -> None:
    text = json.dumps({"docker_version": version, "odd": 1})

    assert (rewritten_v1_image(text) == text) is stays


def test_an_old_config_keeps_what_docker_knows_in_docker_s_order() -> None:
    text = json.dumps(
        {
            "odd": 1,
            "config": {"Env": ["A=1"], "Cmd": "one word", "CpuShares": 5, "Volumes": {"/b": {}}},
            "docker_version": "1.6.0",
            "os": "linux",
            "author": "me",
        }
    )

    assert json.loads(rewritten_v1_image(text)) == {
        "created": "0001-01-01T00:00:00Z",
        "container_config": json.loads(rewritten_v1_image(text))["container_config"],
        "docker_version": "1.6.0",
        "author": "me",
        "os": "linux",
        "config": {
            "Hostname": "",
            "Domainname": "",
            "User": "",
            **dict.fromkeys(("AttachStdin", "AttachStdout", "AttachStderr"), False),
            **dict.fromkeys(("Tty", "OpenStdin", "StdinOnce"), False),
            "Env": ["A=1"],
            "Cmd": ["one word"],
            "Image": "",
            "Volumes": {"/b": {}},
            "WorkingDir": "",
            "Entrypoint": None,
            "OnBuild": None,
            "Labels": None,
        },
    }


@pytest.mark.parametrize(
    "config", [{"Env": "A=1"}, {"env": []}, {"Tty": 1}, {"Volumes": []}, {"Labels": {"a": 1}}]
)
def test_an_old_config_that_is_broken_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(ManifestInvalid):
        rewritten_v1_image(json.dumps({"docker_version": "1.6.0", "config": config}))
