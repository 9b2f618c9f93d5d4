"""`sync`: flags, what is told, exit codes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regcopy.batch.report import LineReport
from regcopy.batch.sync import SyncPlan
from regcopy.cli.command import Invocation
from regcopy.cli.flags import Values
from regcopy.cli.main import main
from regcopy.cli.sync_progress import DigestFile, SyncLines, open_sync_progress
from regcopy.config.environment import Environment
from regcopy.errors import StorageFailed
from regcopy.testing.samples import multi_platform_image, single_image
from tests.command_line import Ended, LogLine, Screen, make_screens, run_cli
from tests.fake_registry import FakeRegistry
from tests.faults import refuse


@dataclass
class World:
    """Two registries and a folder."""

    source: FakeRegistry
    destination: FakeRegistry
    folder: Path

    def hold(self, *tags: str) -> None:
        """Have images of these tags at the source, each another one."""
        for tag in tags:
            self.source.hold(single_image(seed=tag), "team/app", tag)

    def sync(self, *flags: str, wanted: str = "team/app", kinds: str = "docker docker") -> Ended:
        """Sync from the source into `x` of the destination, or into the folder."""
        source, destination = kinds.split()
        arguments = ["sync", "--src", source, "--dest", destination, *flags]
        arguments += ["--src-tls-verify=false", "--dest-tls-verify=false", "--retry-times=0"]
        arguments.append(f"{self.source.host}/{wanted}" if source == "docker" else wanted)
        arguments.append(
            f"{self.destination.host}/x" if destination == "docker" else f"{self.folder}/out"
        )
        return run_cli(*arguments)


@pytest.fixture
def world(fake: FakeRegistry, tmp_path: Path) -> Iterator[World]:
    """Two registries, both empty."""
    with FakeRegistry() as destination:
        yield World(fake, destination, tmp_path)


def of(ended: Ended, level: str) -> list[LogLine]:
    """What was logged at a level."""
    return [line for line in ended.log if line.level == level]


def test_each_image_has_its_lines_in_one_piece(world: World) -> None:
    world.hold("1", "2")
    ended = world.sync()
    assert ended.code == 0
    blocks = ended.out.split("Getting image source signatures\n")
    told = [block.splitlines() for block in blocks[1:]]
    images = [single_image(seed=tag) for tag in "12"]
    blobs = sorted(sorted(map(str, image.blobs)) for image in images)
    assert sorted(sorted(line.split()[2] for line in lines[:-1]) for lines in told) == blobs
    assert {lines[-1] for lines in told} == {"Writing manifest to image destination"}


def test_events_stand_for_all_other_lines_about_the_images(world: World) -> None:
    world.hold("1", "2")
    ended = world.sync("--progress=json")
    told = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    assert ended.out == ""
    assert [told[0]["event"], told[-1]["event"], told[-1]["done"]] == ["list", "end", 2]
    assert not [line for line in ended.log if line.message.startswith("Copying image ref")]


def test_without_progress_failures_are_told_all_the_same(world: World) -> None:
    world.hold("1", "2")
    world.source.on("GET", "manifests/2", refuse(403), forever=True)
    ended = world.sync("--progress=none", "--keep-going")
    assert ended.out == ""
    [failure] = of(ended, "error")
    assert failure.message == f'Error copying ref "docker://{world.source.host}/team/app:2"'


def test_the_log_is_skopeo_s(world: World) -> None:
    world.hold("1")
    source, destination = world.source.host, world.destination.host
    assert world.sync().log == [
        LogLine(
            "info",
            "Tag presence check",
            fields={"imagename": f"{source}/team/app", "tagged": "false"},
        ),
        LogLine("info", "Getting tags", fields={"image": f"{source}/team/app"}),
        LogLine(
            "info",
            "Copying image ref 1/1",
            fields={
                "from": f"docker://{source}/team/app:1",
                "to": f"docker://{destination}/x/app:1",
            },
        ),
        LogLine("info", "Synced 1 images from 1 sources"),
    ]


def test_an_image_that_is_there_is_skipped(world: World) -> None:
    world.hold("1")
    world.sync()
    ended = world.sync()
    assert ended.out == (
        "Getting image source signatures\nSkipping: image already present at destination\n"
    )


def test_a_dry_run_copies_nothing_and_reads_no_manifest(world: World) -> None:
    world.hold("1", "2")
    ended = world.sync("--dry-run", kinds="docker dir")
    assert (ended.code, ended.out) == (0, "")
    assert [line.message for line in ended.log][2:] == [
        "Running in dry-run mode",
        "Would have copied image ref 1/2",
        "Would have copied image ref 2/2",
        "Would have synced 2 images from 1 sources",
    ]
    assert not (world.folder / "out").exists()
    assert len(world.source.seen) == 1


def test_an_image_that_is_not_there_ends_it_as_in_copy(world: World) -> None:
    world.hold("1")
    ended = world.sync(wanted="team/app:none")
    assert ended.code == 2
    named = f"docker://{world.source.host}/team/app:none"
    assert ended.fatal.startswith(f'Error copying ref "{named}": ')


def test_every_failure_is_told_and_how_much_is_left(world: World) -> None:
    world.hold("1", "2", "3")
    world.source.on("GET", "manifests/1", refuse(403), forever=True)
    ended = world.sync("--jobs=1")
    assert ended.code == 1
    assert 'app:1": ' in ended.fatal
    assert "2 images were not begun; --keep-going goes on" in ended.hint


def test_with_keep_going_failures_are_errors_and_the_end_is_skopeo_s(world: World) -> None:
    world.hold("1", "2")
    world.source.on("GET", "manifests/1", refuse(403), forever=True)
    ended = world.sync("--keep-going")
    assert ended.code == 1
    (error,) = of(ended, "error")
    assert error.message == f'Error copying ref "docker://{world.source.host}/team/app:1"'
    assert "403" in error.fields["error"]
    assert [line.message for line in ended.log][-2:] == [
        "Synced 1 images from 1 sources",
        "Sync failed due to previous reported error(s) for one or more images",
    ]


def test_a_repository_of_a_file_that_cannot_be_listed_makes_the_whole_fail(world: World) -> None:
    world.hold("1")
    path = world.folder / "sync.yaml"
    path.write_text(f"{world.source.host}:\n  images: {{team/app: [], team/none: []}}\n")
    ended = world.sync(wanted=str(path), kinds="yaml docker")
    assert ended.code == 1
    assert ("x/app", "1") in world.destination.manifests
    assert of(ended, "error")[0].message == "Error processing repo, skipping"
    assert ended.fatal.startswith("Sync failed due to previous reported error(s)")


def test_all_images_of_an_index_are_copied_with_all(world: World) -> None:
    image = multi_platform_image()
    world.source.hold(image, "team/app", "1")
    assert world.sync("--all").code == 0
    assert world.destination.manifests["x/app", "1"] == image.top


def test_the_digest_file_has_digest_and_destination_in_the_order_of_the_sources(
    world: World,
) -> None:
    world.hold("1", "2", "3")
    path = world.folder / "digests"
    path.write_text("of an earlier run\n" * 100)
    world.sync(f"--digestfile={path}")
    assert path.read_text() == "".join(
        f"{single_image(seed=tag).digest} docker://{world.destination.host}/x/app:{tag}\n"
        for tag in "123"
    )


def test_a_digest_file_that_cannot_be_written_is_told_before_anything_is_copied(
    world: World,
) -> None:
    world.hold("1")
    ended = world.sync("--digestfile=/no/file")
    assert (ended.code, ended.fatal) == (
        1,
        "Error creating digest file: open /no/file: no such file or directory",
    )
    assert world.destination.seen == []


def report(line: int, status: str = "done") -> LineReport:
    return LineReport(line, "a", f"dir:{line}", status, digest="d" if status == "done" else "")  # type: ignore[arg-type]


def test_a_digest_waits_for_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "digests"
    with DigestFile(str(path)) as file:
        file.take(report(2))
        assert path.read_text() == ""
        file.take(report(1, "failed"))
        assert path.read_text() == "d dir:2\n"
        file.take(report(5))
    assert path.read_text() == "d dir:2\nd dir:5\n"


def test_a_full_disk_is_told() -> None:
    message = "Failed to write digest to file"
    with DigestFile("/dev/full") as file, pytest.raises(StorageFailed, match=message):
        file.take(report(1))


def test_a_digest_that_cannot_be_written_stops_the_copies(world: World) -> None:
    world.hold(*map(str, range(100)))
    ended = world.sync("--digestfile=/dev/full", "--jobs=1")
    assert (ended.code, ended.fatal) == (
        1,
        'Failed to write digest to file "/dev/full": no space left on device',
    )
    assert len(world.destination.manifests) < 200


def test_deleting_is_tried_and_then_done(world: World) -> None:
    world.hold("1")
    world.destination.hold(single_image(seed="old"), "x/app", "old")
    tried = world.sync("--delete", "--dry-run")
    assert [line.message for line in tried.log if "delete" in line.message] == [
        "Would have deleted image ref"
    ]
    assert ("x/app", "old") in world.destination.manifests
    done = world.sync("--delete")
    assert (done.code, done.log[-2].message) == (0, "Deleted image ref")
    assert done.log[-2].fields["image"] == f"docker://{world.destination.host}/x/app:old"
    assert ("x/app", "old") not in world.destination.manifests


def test_nothing_is_deleted_after_a_failure(world: World) -> None:
    world.hold("1", "2")
    world.destination.hold(single_image(seed="old"), "x/app", "old")
    world.source.on("GET", "manifests/1", refuse(403), forever=True)
    ended = world.sync("--delete", "--keep-going")
    assert of(ended, "warning")[0].message.startswith("Nothing is deleted")
    assert ("x/app", "old") in world.destination.manifests


def test_what_is_needed_is_not_deleted(world: World) -> None:
    world.hold("1")
    world.destination.hold(single_image(seed="1"), "x/app", "old")
    ended = world.sync("--delete")
    assert of(ended, "warning")[0].message == "Not deleted: tag 1 needs its manifest"
    assert (ended.code, ("x/app", "old") in world.destination.manifests) == (0, True)


def test_a_registry_that_does_not_delete_makes_it_fail(world: World) -> None:
    world.hold("1")
    world.destination.hold(single_image(seed="old"), "x/app", "old")
    world.destination.on("DELETE", "manifests", refuse(405, "UNSUPPORTED"))
    ended = world.sync("--delete")
    assert ended.code == 1
    assert of(ended, "error")[0].message.startswith("Error deleting ref")


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--jobs=0"], "--jobs must be a number from 1 to"),
        (["--include-tag-regex=("], "--include-tag-regex: error parsing regexp: missing closing )"),
        (["--exclude-tag-regex=[b-a]"], "--exclude-tag-regex: error parsing regexp"),
        (["--format=v3"], 'unknown format "v3"'),
        (["--sign-by-sigstore=x"], 'reading "x": open x: no such file or directory'),
        (["--sign-by-sq-fingerprint=x"], "--sign-by-sq-fingerprint is not supported yet"),
        (["--sign-identity=x"], "unknown flag: --sign-identity"),
        (["--src-daemon-host=x"], "unknown flag: --src-daemon-host"),
    ],
)
def test_what_makes_no_sense_is_told(world: World, flags: list[str], problem: str) -> None:
    ended = world.sync(*flags)
    assert ended.code == 1
    assert ended.fatal.startswith(problem)
    assert (world.source.seen, world.destination.seen) == ([], [])


@pytest.mark.parametrize(
    ("kinds", "flags", "problem"),
    [
        ("dir docker", ["--include-tag-regex=a"], "folders have no tags to choose from"),
        ("docker dir", ["--delete"], "only tags can be deleted"),
    ],
)
def test_flags_that_do_not_go_together_are_told(
    world: World, kinds: str, flags: list[str], problem: str
) -> None:
    assert world.sync(*flags, kinds=kinds).fatal.startswith(problem)


def test_the_log_is_json_where_that_is_wanted(world: World) -> None:
    world.hold("1")
    lines = [json.loads(line) for line in world.sync("--log-format=json").err.splitlines()]
    assert lines[2]["msg"] == "Copying image ref 1/1"
    assert lines[2]["to"] == f"docker://{world.destination.host}/x/app:1"


def test_a_terminal_gets_bars(world: World) -> None:
    world.hold("1")
    out, err = Screen(), Screen(terminal=True)
    arguments = "--src docker --dest docker --src-tls-verify=false --dest-tls-verify=false"
    code = main(
        (
            "regcopy",
            "sync",
            *arguments.split(),
            f"{world.source.host}/team/app",
            f"{world.destination.host}/x",
        ),
        stdout=out,
        stderr=err,
        environment=Environment({"TERM": "xterm"}),
    )
    assert (code, out.text) == (0, "")
    assert "all images" in err.text
    assert "regcopy: note: Synced 1 images from 1 sources" in err.text
    assert "Copying image ref" not in err.text


def test_debugging_gets_lines_on_a_terminal_too() -> None:
    screens = make_screens(terminal=True)
    call = Invocation(
        "regcopy",
        Values({"debug": True}),
        (),
        screens.console,
        Environment({"TERM": "xterm"}),
        threading.Event(),
    )
    with open_sync_progress(call, SyncPlan()) as progress:
        assert isinstance(progress, SyncLines)
