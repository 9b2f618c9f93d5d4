"""The container image by itself: what is in it, and whom it lets run it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

import regcopy
from regcopy.testing.samples import single_image
from tests.command_line import Ended
from tests.containers import BASE, Image, shell
from tests.fake_registry import FakeRegistry
from tests.tekton_runner import ROOT, Container

pytestmark = pytest.mark.timeout(600)

LARGEST: Final = 130 * 1000 * 1000
RESTRICTED: Final = {
    "runAsUser": 65532,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
# Debian builds isal without telling it its version, so its package is asked.
VERSIONS: Final = """
import importlib.metadata, json, subprocess, sys
found = {name: importlib.metadata.version(name) for name in sys.argv[1:]}
shown = subprocess.run(["dpkg-query", "-Wf${Version}", "python3-isal"], capture_output=True)
print(json.dumps(found | {"isal": shown.stdout.decode().partition("-")[0]}))
"""


def run(image: Image, *words: str, user: str = "", program: str = "") -> Ended:
    """Run the image's program, or another one, with nothing to write to."""
    command = (program,) if program else ()
    return image.run(Container(command, words, {}, "", {}, frozenset(), RESTRICTED), user=user)


def requirements() -> list[Requirement]:
    section = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = section["optional-dependencies"]
    texts = [*section["dependencies"], *extras["trust"], *extras["sign"]]
    parsed = [Requirement(text) for text in texts]
    environment = {"python_version": "3.13", "platform_machine": "x86_64"}
    return [one for one in parsed if not one.marker or one.marker.evaluate(environment)]


def test_it_is_small(image: Image) -> None:
    assert image.size() - image.size(BASE) < LARGEST


def test_its_program_is_regcopy_for_a_user_without_a_name(image: Image) -> None:
    [shown] = json.loads(image.engine.run("image", "inspect", image.name))
    config = shown["Config"]
    assert config["Entrypoint"] == ["/usr/local/bin/regcopy"]
    assert config["User"] == "65532"
    assert config["Labels"]["org.opencontainers.image.version"] == regcopy.__version__
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


@pytest.mark.parametrize("program", ["regcopy", "skopeo"])
def test_it_answers_to_both_names(image: Image, program: str) -> None:
    ended = run(image, "--version", program=program)
    assert ended.out.startswith(f"{program} version ")
    assert regcopy.__version__ in ended.out


def test_it_has_every_dependency_in_a_version_that_fits(image: Image) -> None:
    wanted = [one for one in requirements() if one.name != "regcopy"]
    names = [one.name for one in wanted]
    ended = run(image, "-c", VERSIONS, *names, program="python3")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [str(one) for one in wanted if not one.specifier.contains(found[one.name])] == []


def test_all_of_it_is_compiled(image: Image) -> None:
    script = (
        "cd /usr/local/lib/python3.*/dist-packages/regcopy"
        " && find . -name '*.py' | wc -l && find . -name '*.pyc' | wc -l"
    )
    sources, compiled = image.run(shell(script)).out.split()
    assert int(sources) == int(compiled) > 100


def test_nothing_of_the_build_is_left(image: Image) -> None:
    script = (
        "ls /install /src /run/secrets /etc/pip.conf /etc/containers/policy.json; which pip gcc"
    )
    ended = image.run(shell(script))
    assert ended.out == ""
    assert ended.err.count("No such file") == 5


@pytest.mark.parametrize("user", ["", "12345", "1000680000:0"])
def test_any_user_copies_without_a_home_or_a_place_to_write(
    image: Image, fake: FakeRegistry, user: str
) -> None:
    sample = single_image()
    fake.hold(sample, "in", "1")
    flags = ("--src-tls-verify=false", "--dest-tls-verify=false")
    names = (f"docker://{fake.host}/in:1", f"docker://{fake.host}/out:1")
    ended = run(image, "copy", *flags, *names, user=user)
    assert (ended.code, ended.err) == (0, "")
    assert fake.manifests["out", "1"] == sample.top


def test_scripts_that_call_skopeo_and_need_bash_go_on_working(
    image: Image, fake: FakeRegistry, tmp_path: Path
) -> None:
    sample = single_image()
    fake.hold(sample, "in", "1")
    tmp_path.chmod(0o755)
    (tmp_path / "url.txt").write_text(f"docker://{fake.host}/in:1 docker://{fake.host}/out:1")
    script = """
set -e
while read -r line || [ -n "$line" ]; do
    words=()
    read -ra words <<<"$line"
    skopeo copy --multi-arch=system "${words[@]}" --src-tls-verify=false --dest-tls-verify=false
done < /list/url.txt
"""
    ended = image.run(shell(script, mounts={"/list": tmp_path}))
    assert (ended.code, ended.err) == (0, "")
    assert re.findall(r"(?m)^Copying blob", ended.out)
    assert fake.manifests["out", "1"] == sample.top
