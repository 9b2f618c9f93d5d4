"""What the pages and docstrings show to programmers runs as it stands there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import regcopy
from regcopy import aio, batch, checking, serving, transports
from regcopy.serving import RegistryServer
from regcopy.testing.samples import multi_platform_image, single_image, write_layout

README: Final = Path(__file__).parents[2] / "README.md"
# What an example takes for granted.
IMPORTS: Final = """
import io, json
import regcopy
from regcopy import Digest, Session
from regcopy.model.descriptor import Descriptor
from regcopy.model.manifest import RawManifest
from regcopy.streams.blob import BlobStream
from regcopy.transports import parse_reference
"""
IMAGE: Final = single_image()


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Registries in place of those that examples name; quay.io has `team/app:1`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / ".config" / "containers"
    folder.mkdir(parents=True)
    (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    with RegistryServer(durable=False) as one, RegistryServer(durable=False) as other:
        entries = [
            f'[[registry]]\nlocation = "{server.address}"\ninsecure = true\n'
            for server in (one, other)
        ]
        (folder / "registries.conf").write_text("".join(entries))
        write_layout(multi_platform_image(), tmp_path / "made", "1")
        everything = regcopy.CopyOptions(instances=regcopy.Instances("all"))
        regcopy.copy("oci:made:1", f"docker://{one.address}/team/app:1", options=everything)
        write_layout(IMAGE, tmp_path / "layout", "1")
        yield {
            "quay.io": one.address,
            "registry.example.com": other.address,
            "mirror.example.com": other.address,
        }


def run(example: str, hosts: dict[str, str]) -> None:
    for name, address in hosts.items():
        example = example.replace(name, address)
    exec(compile(IMPORTS + example, "example", "exec"), {})


def example_in(module: ModuleType) -> str:
    """The longest indented block of a docstring."""
    blocks = re.findall(r"(?:(?:^    .*)?\n)+", str(module.__doc__), re.MULTILINE)
    return textwrap.dedent(max(blocks, key=len))


def test_the_example_in_the_readme(hosts: dict[str, str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    run(example, hosts)

    copied = regcopy.get_manifest(f"docker://{hosts['registry.example.com']}/team/app:1")
    assert copied.digest == multi_platform_image().digest


def test_the_example_of_lists(hosts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    run(example_in(batch), hosts)

    assert capsys.readouterr().out.startswith("done sha256:")


def test_the_example_of_an_event_loop(
    hosts: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(example_in(aio), hosts)

    assert capsys.readouterr().out.startswith("sha256:")


def test_the_example_of_looking_into_images(hosts: dict[str, str]) -> None:
    run(example_in(checking), hosts)


def test_the_example_of_a_registry_of_ones_own(
    hosts: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(example_in(serving).replace("5000", "0"), hosts)

    assert capsys.readouterr().out.startswith("127.0.0.1:")


def test_the_example_of_an_artifact_made_in_memory(hosts: dict[str, str]) -> None:
    run(example_in(transports), hosts)

    info = regcopy.inspect(f"docker://{hosts['registry.example.com']}/team/report:1")
    assert info.manifest.artifact_type == "application/vnd.example.report"
