"""`sync` through skopeo and regcopy: exit code, log, output, and what lies at the destination.

Debian's skopeo is older than the version that regcopy follows. Where that one says something
else, the newer words stand in `registries.py`; what is wished to be different stands in
`wished_registries.py`, or has a test below where it takes more than one command line to show.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_dir
from tests.compat.registries import World, lines_of, told

PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")


@pytest.mark.parametrize(
    "line",
    [
        "-s docker -d dir {src}/app out",
        "-s docker -d dir {src}/app {out}",
        "-s docker -d dir {src}/app:1 {out}",
        "-s docker -d dir --scoped {src}/app {out}",
        "-s docker -d dir --scoped {src}/app@{digest} {out}/",
        "-s docker -d dir {src}/app@{digest} {out}/x/../y",
        "-s docker -d dir -a {src}/many {out}",
        "-s docker -d dir --all {src}/many:m {out}",
        "-s docker -d dir {src}/many {out}",
        "-s docker -d dir -f v2s2 {src}/app:1 {out}",
        "--src=docker --dest=dir --keep-going {src}/app {out}",
        "--src=docker --dest=dir --preserve-digests --remove-signatures {src}/app {out}",
    ],
)  # fmt: skip
def test_a_folder_is_filled_alike(world: World, line: str) -> None:
    line = line.replace(" out", " {out}")
    ran = world.run(" ".join((*PLAIN, line)))
    assert (ran.theirs.code, ran.ours.code) == (0, 0), ran.ours.err
    assert world.files("ours") == world.files("theirs") != {}
    assert told(ran.ours, "ours") == told(ran.theirs, "theirs")
    assert lines_of(ran.ours) == lines_of(ran.theirs)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("-s docker -d docker {src}/app {dst}", ["app:1", "app:2", "app:v3"]),
        ("-s docker -d docker {src}/app:2 {dst}/deep/er", ["deep/er/app:2"]),
        ("-s docker -d docker -a {src}/many {dst}", ["many:m"]),
        ("-s docker -d docker {src}/many {dst}", ["many:m"]),
        ("-s docker -d docker --format=v2s2 {src}/app:1 {dst}", ["app:1"]),
        ("-s dir -d docker tree {dst}", ["x:1", "y:2", "z:latest"]),
        ("-s dir -d docker --scoped tree {dst}", ["x:1", "deep/y:2", "z:latest"]),
        ("-s dir -d docker --scoped tree/ {dst}", ["x:1", "deep/y:2", "z:latest"]),
        ("-s dir -d docker --scoped ./tree {dst}", ["tree/x:1", "tree/deep/y:2", "tree/z:latest"]),
        ("-s dir -d docker tree/x:1 {dst}", ["x:1"]),
        ("-s dir -d docker --scoped tree/x:1 {dst}", ["x:1"]),
        ("-s dir -d docker --scoped tree/x:1/ {dst}", ["tree/x:1"]),
        ("-s dir -d docker --scoped . {dst}", ["tree/x:1", "tree/deep/y:2", "tree/z:latest"]),
        ("-s yaml -d docker all.yaml {dst}", ["app:1", "app:2", "app:v3", "many:m"]),
        ("-s yaml -d docker regex.yaml {dst}", ["app:v3"]),
    ],
)
def test_a_registry_is_filled_alike(world: World, line: str, names: list[str]) -> None:
    for seed, path in (("x", "tree/x:1"), ("y", "tree/deep/y:2"), ("z", "tree/z")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_dir(single_image(seed=seed), Path(path))
    host, repository = world.source.host, world.repository
    plain = f"{host}:\n  tls-verify: false\n"
    Path("all.yaml").write_text(
        f"{plain}  images:\n    {repository}/app: []\n    {repository}/many: [m]\n"
    )
    Path("regex.yaml").write_text(
        f"{plain}  images-by-tag-regex:\n    {repository}/app: ^[a-z][0-9]$\n"
    )
    ran = world.run(" ".join((*PLAIN, line)))
    assert (ran.theirs.code, ran.ours.code) == (0, 0), ran.ours.err
    ours = world.manifests("ours", names)
    assert ours == world.manifests("theirs", names)
    assert b"" not in ours
    # The old one takes a file's repositories in any order.
    assert sorted(map(repr, told(ran.ours, "ours"))) == sorted(
        map(repr, told(ran.theirs, "theirs"))
    )
    assert lines_of(ran.ours) == lines_of(ran.theirs)


def test_what_is_there_is_skipped_alike(world: World) -> None:
    line = " ".join((*PLAIN, "-s docker -d docker {src}/app {dst}"))
    world.run(line)
    ran = world.run(line)
    assert lines_of(ran.ours) == lines_of(ran.theirs)
    assert told(ran.ours, "ours") == told(ran.theirs, "theirs")


@pytest.mark.parametrize(
    "line",
    [
        "-s docker -d docker --dry-run {src}/app {dst}",
        "-s docker -d dir --dry-run --scoped {src}/app {out}",
        "-s docker -d dir --dry-run {src}/app@{digest} {out}",
        "-s docker -d docker --dry-run docker.io/library/busybox:1 {dst}",
        "-s docker -d docker --dry-run --scoped busybox:1 {dst}",
        "-s docker -d docker --dry-run --scoped team/app:1 {dst}",
    ],
)
def test_a_dry_run_tells_the_same(world: World, line: str) -> None:
    ran = world.run(" ".join((*PLAIN, line)))
    assert (ran.theirs.code, ran.ours.code) == (0, 0)
    assert told(ran.ours, "ours") == told(ran.theirs, "theirs")
    assert ran.ours.out == ran.theirs.out == ""


@pytest.mark.parametrize(
    "line",
    [
        "a b",
        "--src x a b",
        "--src docker a b",
        "--src docker --dest oci a b",
        "--src docker --dest yaml a b",
        "--src oci --dest dir a b",
        "--src dir --dest dir a b",
        "--src= --dest=dir a b",
        "--nope a b",
        "--all=no a b",
        "--src",
        "-s docker -d docker --src-creds a:b --src-no-creds x y",
        "-s docker -d docker --screds=a:b --src-no-creds x y",
        "-s docker -d docker -f foo x y",
        "-s dir -d docker nothing {dst}",
        "-s dir -d docker empty {dst}",
        "-s yaml -d docker nothing.yaml {dst}",
        "--tls-verify=false --src x a b",
    ],
)
def test_what_cannot_be_done_ends_with_the_same_code_and_message(world: World, line: str) -> None:
    Path("empty").mkdir()
    ran = world.run(line)
    assert (ran.theirs.code, ran.ours.code) == (1, 1)
    assert told(ran.ours, "ours") == told(ran.theirs, "theirs")
    assert ran.ours.out == ran.theirs.out == ""


@pytest.mark.parametrize(
    ("line", "beginning"),
    [
        ("-s docker -d docker {src}/none {dst}", "Error determining repository tags for repo "),
        ("-s docker -d docker {src}/UP {dst}", "Cannot obtain a valid image reference"),
        ("-s docker -d docker {src}/app:1 {dst}/UP", "Cannot obtain a valid image reference for"),
        ("-s docker -d docker {src}/app {host}:x", "Cannot obtain a valid image reference for"),
        ("-s yaml -d docker bad.yaml {dst}", 'Failed to unmarshal "bad.yaml": '),
    ],
)  # fmt: skip
def test_an_error_begins_alike_and_then_says_more(world: World, line: str, beginning: str) -> None:
    Path("bad.yaml").write_text("a.example:\n  images: 3\n")
    ran = world.run(" ".join((*PLAIN, line)))
    assert (ran.theirs.code, ran.ours.code) == (1, 1)
    assert told(ran.theirs, "theirs")[-1].message.startswith(beginning)
    assert told(ran.ours, "ours")[-1].message.startswith(beginning)


def test_a_folder_is_not_overwritten_by_either(world: World) -> None:
    for who in ("ours", "theirs"):
        (world.folder / f"{who}-out/app:2").mkdir(parents=True)
    ran = world.run(" ".join((*PLAIN, "-s docker -d dir --keep-going {src}/app {out}")))
    assert (ran.theirs.code, ran.ours.code) == (1, 1)
    fatal = [told(ended, who)[-1] for ended, who in ((ran.ours, "ours"), (ran.theirs, "theirs"))]
    assert fatal[0] == fatal[1]
    # Ours looks before it copies anything.
    assert world.files("ours") == {}


@pytest.mark.parametrize(("flag", "code"), [("", 2), ("--keep-going", 1)])
def test_an_image_that_is_not_there_ends_it_with_the_newer_exit_code(
    world: World, flag: str, code: int
) -> None:
    ran = world.run(" ".join((*PLAIN, "-s docker -d docker", flag, "{src}/app:none {dst}")))
    assert (ran.theirs.code, ran.ours.code) == (1, code)
    ours, theirs = told(ran.ours, "ours"), told(ran.theirs, "theirs")
    assert [line.level for line in ours] == [line.level for line in theirs]
    starts = [line.message.partition(": ")[0] for line in ours]
    assert starts == [line.message.partition(": ")[0] for line in theirs]


@pytest.mark.parametrize(
    "text",
    [
        'images: {"{repository}/app": ["a b", "1"]}',
        'images: {"{repository}/APP": [], "{repository}/app": ["1"]}',
        'images: {"{repository}/none": [], "{repository}/app": ["1"]}',
        'images: {"{repository}/app": ["1"]}\n  images-by-tag-regex: {"{repository}/app": "("}',
    ],
)
def test_what_a_file_has_wrong_is_skipped_by_both_and_fails_only_in_ours(
    world: World, text: str
) -> None:
    filled = text.replace("{repository}", world.repository)
    Path("sync.yaml").write_text(f"{world.source.host}:\n  tls-verify: false\n  {filled}\n")
    ran = world.run(" ".join((*PLAIN, "-s yaml -d docker sync.yaml {dst}")))
    assert (ran.theirs.code, ran.ours.code) == (0, 1)
    assert world.manifests("ours", ["app:1"]) == world.manifests("theirs", ["app:1"]) != [b""]
    ours = [line.message for line in told(ran.ours, "ours") if line.level == "error"]
    theirs = [line.message for line in told(ran.theirs, "theirs") if line.level == "error"]
    assert ours[0] == theirs[0]


def test_two_images_of_one_name_are_refused_only_by_ours(world: World) -> None:
    for seed, path in (("x", "tree/a/x:1"), ("y", "tree/b/x:1")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_dir(single_image(seed=seed), Path(path))
    ran = world.run(" ".join((*PLAIN, "-s dir -d docker tree {dst}")))
    assert (ran.theirs.code, ran.ours.code) == (0, 1)
    assert "would both be copied to" in ran.ours.fatal
