"""Commands on registries through skopeo and regcopy: code, output, log, and what is there then.

{src} holds `app` with the tags 1, 2 and v3, and `many` with an index; {dst} and {out} are a
repository and a folder of each program's own.
"""

from __future__ import annotations

import pytest

from tests.command_line import Ended
from tests.compat.registries import World, lines_of, told

TO_REGISTRY = "copy --src-tls-verify=false --dest-tls-verify=false"
NAMES = ("app:1", "app:2", "app:latest", "many:m")


def same(world: World, line: str) -> None:
    theirs, ours = world.skopeo(line), world.regcopy(line)
    assert theirs.code == (1 if theirs.fatal else 0)
    assert comparable(ours, "ours") == comparable(theirs, "theirs")
    assert world.files("ours") == world.files("theirs")


def comparable(ended: Ended, who: str) -> tuple[object, ...]:
    return ended.code, lines_of(ended), told(ended, who)


@pytest.mark.parametrize(
    "line",
    [
        "docker://{src}/app:1 docker://{dst}/app:1",
        "docker://{src}/app:1 docker://{dst}/app",
        "docker://{src}/app@{digest} docker://{dst}/app:1",
        "docker://{src}/app:1 docker://{dst}/app@{digest}",
        "docker://{src}/many:m docker://{dst}/many:m",
        "-a docker://{src}/many:m docker://{dst}/many:m",
        "--all=true docker://{src}/many:m docker://{dst}/many:m",
        "--multi-arch=all docker://{src}/many:m docker://{dst}/many:m",
        "--multi-arch=system docker://{src}/many:m docker://{dst}/many:m",
        "--dest-precompute-digests docker://{src}/app:1 docker://{dst}/app:1",
        "--dest-compress-format=gzip docker://{src}/app:1 docker://{dst}/app:1",
        "--preserve-digests docker://{src}/app:1 docker://{dst}/app:1",
        "--remove-signatures docker://{src}/app:1 docker://{dst}/app:1",
        "--retry-times=0 docker://{src}/app:1 docker://{dst}/app:1",
        "--quiet docker://{src}/app:1 docker://{dst}/app:1",
        "-q -a docker://{src}/many:m docker://{dst}/many:m",
        "--quiet=false docker://{src}/app:1 docker://{dst}/app:1",
        "--src-no-creds --dest-no-creds docker://{src}/app:1 docker://{dst}/app:1",
        "--src-creds=a:b --dest-creds=c:d docker://{src}/app:1 docker://{dst}/app:1",
        "docker://{src}/app:1 dir:{out}",
        "-a docker://{src}/many:m dir:{out}",
        "docker://{src}/app:1 oci:{out}:t",
        "-a docker://{src}/many:m oci:{out}:t",
    ],
)
def test_a_copy_is_told_alike_and_leaves_the_same(world: World, line: str) -> None:
    same(world, f"{TO_REGISTRY} {line}")
    assert world.manifests("ours", NAMES) == world.manifests("theirs", NAMES)


@pytest.mark.parametrize(
    "line",
    [
        "inspect --tls-verify=false --raw docker://{src}/app:1",
        "inspect --tls-verify=false --raw docker://{src}/many:m",
        "inspect --tls-verify=false --raw docker://{src}/app@{digest}",
        "inspect --tls-verify=false --config docker://{src}/app:1",
        "inspect --tls-verify=false --config --raw docker://{src}/app:1",
        "inspect --tls-verify=false --config docker://{src}/many:m",
        "inspect --tls-verify=false -f {{.Name}}@{{.Digest}} docker://{src}/app:1",
        "inspect --tls-verify=false -n -f {{.RepoTags}} docker://{src}/app:1",
        "--override-arch=arm64 inspect --tls-verify=false --config docker://{src}/many:m",
        "list-tags --tls-verify=false docker://{src}/app",
        "list-tags --tls-verify=false docker://{src}/many --retry-times=1",
        "list-tags --tls-verify=false docker://{src}/app:1",
        "list-tags --tls-verify=false {src}/app",
        "list-tags --tls-verify=false oci:x",
        "--tls-verify=false list-tags docker://{src}/app",
    ],
)
def test_what_is_shown_is_the_same(world: World, line: str) -> None:
    same(world, line)


def test_what_is_deleted_is_gone_alike(world: World) -> None:
    for tag in "12":
        copy = f"{TO_REGISTRY} -q docker://{{src}}/app:1 docker://{{dst}}/app:{tag}"
        world.skopeo(copy)
        world.regcopy(copy)
    same(world, "delete --tls-verify=false docker://{dst}/app:1")
    # Both tags had one digest.
    assert world.manifests("ours", NAMES) == world.manifests("theirs", NAMES) == [b""] * 4
