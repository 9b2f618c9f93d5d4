"""`batch`: its files, its exit codes, its words."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from regcopy.testing.samples import multi_platform_image, write_layout
from tests.command_line import Ended, run_cli
from tests.fake_registry import Exchange, FakeRegistry
from tests.faults import refuse
from tests.lists import is_copied, layout_lines


def batch(path: Path, *flags: str, variables: dict[str, str] | None = None) -> Ended:
    return run_cli("batch", *flags, str(path), variables=variables)


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_list_is_copied_and_summed_up(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 3)
    ended = batch(lines.write(tmp_path / "list"))
    assert ended.code == 0
    assert all(is_copied(image, tmp_path / f"out-{n}") for n, image in enumerate(lines.images))
    rows = ended.out.splitlines()
    assert rows[0].split() == [
        *("LINE", "RESULT", "DESTINATION", "DIGEST"),
        *("COPIED", "THERE", "MOUNTED", "SECONDS"),
    ]
    assert rows[1].split()[:2] == ["1", "copied"]
    assert f"/out-0  {str(lines.images[0].top.digest)[:19]}  " in rows[1]
    assert rows[-1].startswith("3 images: 3 done, ")


def test_each_line_is_told_as_it_ends(tmp_path: Path) -> None:
    ended = batch(layout_lines(tmp_path, 2).write(tmp_path / "list"))
    told = sorted(line.message for line in ended.log if line.level == "info")
    assert told[0].startswith(f"line 1: dir:{tmp_path}/out-0 copied sha256:")


def test_the_list_can_come_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = layout_lines(tmp_path, 1)
    content = io.BytesIO(lines.texts[0].encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    assert run_cli("batch", "-").code == 0
    assert is_copied(lines.images[0], tmp_path / "out-0")


def test_the_failures_are_a_list_that_can_be_run_again(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 2)
    write_layout(multi_platform_image(), tmp_path / "late", "1")
    os.rename(tmp_path / "late", tmp_path / "hidden")
    bad = f"oci:{tmp_path}/late:1 dir:{tmp_path}/out-late all"
    ended = batch(lines.write(tmp_path / "list", [bad]), "--failures", str(tmp_path / "failed"))
    assert ended.code == 3
    comment, text = (tmp_path / "failed").read_text().splitlines()
    assert comment.startswith("# line 3: NotFound: source ")
    assert text == bad
    os.rename(tmp_path / "hidden", tmp_path / "late")
    assert batch(tmp_path / "failed").code == 0


def test_the_file_of_failures_is_emptied_by_a_good_run(tmp_path: Path) -> None:
    failures = tmp_path / "failed"
    failures.write_text("old")
    batch(layout_lines(tmp_path, 1).write(tmp_path / "list"), "--failures", str(failures))
    assert failures.read_text() == ""


def test_the_report_has_an_object_for_each_line(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 2)
    path = lines.write(tmp_path / "list", [f"oci:{tmp_path}/no dir:{tmp_path}/x"])
    batch(path, "--report", str(tmp_path / "report"), "--jobs", "1")
    first, _, last = entries(tmp_path / "report")
    assert first["digest"] == str(lines.images[0].top.digest)
    assert (first["status"], last["status"]) == ("done", "failed")
    assert isinstance(last["error"], dict)
    assert last["error"]["reason"] == "not-found"


def test_a_run_goes_on_in_its_own_report(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 2).write(tmp_path / "list")
    flags = ("--report", str(tmp_path / "report"), "--resume", str(tmp_path / "report"))
    first, second = batch(path, *flags), batch(path, *flags)
    assert (first.code, second.code) == (0, 0)
    assert [entry["resumed"] for entry in entries(tmp_path / "report")] == [
        *(False, False),
        *(True, True),
    ]
    assert "2 done (2 there already)" in second.out


def test_a_report_to_resume_from_must_be_there(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list")
    ended = batch(path, "--resume", str(tmp_path / "nothing"))
    assert ended.code == 1
    assert ended.fatal == f"the report {tmp_path}/nothing does not exist"


def test_all_bad_lines_are_told_and_nothing_is_copied(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list", ["one", "", "a b c"])
    ended = batch(path)
    assert ended.code == 5
    told = [line.message.partition(":")[0] for line in ended.log if line.level == "error"]
    assert told == ["line 2", "line 4"]
    assert ended.fatal == "2 lines of the list are bad; nothing was attempted"
    assert not (tmp_path / "out-0").exists()


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_list_that_cannot_be_read_is_a_bad_list(tmp_path: Path, name: str) -> None:
    ended = batch(tmp_path / name)
    assert ended.code == 5
    assert ended.fatal.startswith("reading the list ")


def test_a_list_with_nothing_in_it_is_done(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# nothing\n")
    ended = batch(tmp_path / "list")
    assert (ended.code, ended.out) == (0, "0 images: nothing to do, 0.0 s\n")


def test_exit_codes_tell_how_much_has_failed(tmp_path: Path) -> None:
    missing = f"oci:{tmp_path}/no dir:{tmp_path}/x"
    some = batch(layout_lines(tmp_path, 1).write(tmp_path / "some", [missing]))
    (tmp_path / "all").write_text(missing)
    assert (some.code, batch(tmp_path / "all").code) == (3, 4)


def test_wrong_credentials_have_an_exit_code(fake: FakeRegistry, tmp_path: Path) -> None:
    def deny(exchange: Exchange) -> bool:
        exchange.answer(403)
        return True

    fake.on("GET", "manifests", deny, forever=True)
    (tmp_path / "list").write_text(f"docker://{fake.host}/a dir:{tmp_path}/a src-tls-verify=false")
    assert batch(tmp_path / "list").code == 6


def test_a_rejected_line_has_an_exit_code_and_moves_nothing(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 2).write(tmp_path / "list")
    (tmp_path / "policy.json").write_text('{"default": [{"type": "reject"}]}')
    ended = batch(path, "--policy", str(tmp_path / "policy.json"))
    assert ended.code == 7
    assert not (tmp_path / "out-0" / "manifest.json").exists()


def test_a_policy_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 2).write(tmp_path / "list")
    (tmp_path / "policy.json").write_text("{")
    ended = batch(path, "--policy", str(tmp_path / "policy.json"))
    assert ended.code == 1
    assert [line.level for line in ended.log] == ["fatal"]


def test_fail_fast_begins_nothing_new(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 2)
    lines.texts.insert(0, f"oci:{tmp_path}/no dir:{tmp_path}/x")
    path = lines.write(tmp_path / "list")
    ended = batch(path, "--fail-fast", "--jobs", "1", "--failures", str(tmp_path / "failed"))
    assert ended.code == 4
    assert "1 failed, 2 not finished" in ended.out
    kept = [t for t in (tmp_path / "failed").read_text().splitlines() if not t.startswith("#")]
    assert kept == lines.texts


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    ended = batch(layout_lines(tmp_path, 2).write(tmp_path / "list"), "--dry-run")
    assert ended.code == 0
    assert "2 would be copied" in ended.out
    assert "this was a dry run" in ended.out
    assert not (tmp_path / "out-0").exists()


def test_flags_hold_for_lines_that_say_nothing_else(tmp_path: Path) -> None:
    image = multi_platform_image()
    write_layout(image, tmp_path / "in", "1")
    (tmp_path / "list").write_text(
        f"oci:{tmp_path}/in:1 dir:{tmp_path}/all\n"
        f"oci:{tmp_path}/in:1 dir:{tmp_path}/one multi-arch=system\n"
    )
    ended = batch(tmp_path / "list", "--all")
    assert is_copied(image, tmp_path / "all")
    assert not is_copied(image, tmp_path / "one")
    assert "Of 1 multi-platform image only the image for one platform was copied" in ended.out


def test_a_part_of_the_list_is_copied(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 9).write(tmp_path / "list")
    for number in (1, 2, 3):
        assert batch(path, "--shard", f"{number}/3", "--report", f"{tmp_path}/r{number}").code == 0
    found = [entry["line"] for n in (1, 2, 3) for entry in entries(tmp_path / f"r{n}")]
    assert sorted(map(str, found)) == [str(n) for n in range(1, 10)]


def test_a_job_takes_the_part_of_its_index(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 9).write(tmp_path / "list")
    flags = ("--no-estimate", "--dry-run", "--report", str(tmp_path / "r"), "--shard")
    batch(path, *flags, "2/2")
    by_number = {entry["line"] for entry in entries(tmp_path / "r")}
    batch(path, *flags, "auto/2", variables={"JOB_COMPLETION_INDEX": "1"})
    assert {entry["line"] for entry in entries(tmp_path / "r")} == by_number


def test_a_part_can_come_from_a_plan(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 6).write(tmp_path / "list")
    plan = str(tmp_path / "plan")
    assert run_cli("plan", str(path), "--shards", "2", "--json", "-o", plan).code == 0
    batch(path, "--shard", "2/2", "--plan", plan, "--report", str(tmp_path / "r"))
    [_, part] = json.loads((tmp_path / "plan").read_text())["parts"]
    assert sorted(str(e["line"]) for e in entries(tmp_path / "r")) == list(map(str, part["lines"]))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--jobs", "0"), "--jobs must be a number from 1 to 256"),
        (("--fail-fast", "--max-failures", "2"), "cannot be used together"),
        (("--plan", "x"), "--plan needs --shard"),
        (("--no-estimate",), "--no-estimate needs --shard"),
        (("--shard", "9/8"), "part 9 of 8: there is no such part"),
        (("--shard", "auto/8"), "JOB_COMPLETION_INDEX is not set"),
        (("--progress", "loud"), 'unknown progress "loud"'),
        (("--progress-fd", "999"), "--progress-fd 999: no such file descriptor is open"),
        (("--progress", "none", "--progress-fd", "2"), "--progress-fd is for --progress json"),
        (("--report", "/nowhere/r"), "the folder /nowhere does not exist"),
        (("--failures", "/"), "writing the failed lines: / is a folder"),
        (("--additional-tag", "x"), "unknown flag: --additional-tag"),
        (("--multi-arch", "some"), "unknown multi-arch option"),
    ],
)
def test_flags_that_make_no_sense_are_refused(
    tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    ended = batch(layout_lines(tmp_path, 1).write(tmp_path / "list"), *flags)
    assert ended.code == 1
    assert message in ended.fatal
    assert not (tmp_path / "out-0").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--report", "list"), "--report names the list itself"),
        (("--report", "f", "--failures", "./f"), "--report and --failures name the same file"),
    ],
)
def test_a_report_is_not_written_over_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], message: str
) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list")
    before = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    ended = batch(path, *flags)
    assert ended.code == 1
    assert message in ended.fatal
    assert path.read_bytes() == before


def test_a_line_that_is_wrong_in_two_ways_counts_once(tmp_path: Path) -> None:
    texts = ["oci:a oci:a", "oci:a oci:b", "oci:b oci:c"]
    (tmp_path / "list").write_text("\n".join(texts))
    ended = batch(tmp_path / "list")
    assert ended.fatal == "2 lines of the list are bad; nothing was attempted"


def test_a_part_that_depends_on_a_dead_host_says_what_to_do(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.on("GET", "manifests", refuse(503, "UNAVAILABLE"), forever=True)
    line = f"docker://{fake.host}/app:1 dir:{tmp_path}/x"
    path = layout_lines(tmp_path, 1).write(tmp_path / "list", [line])
    ended = batch(path, "--shard", "1/2", "--src-tls-verify=false", "--retry-times", "0")
    assert ended.code == 1
    assert "--no-estimate" in ended.err


def test_exactly_one_list_is_wanted() -> None:
    ended = run_cli("batch", "a", "b")
    assert (ended.code, ended.fatal) == (1, "Exactly one argument expected")


def test_a_report_on_a_full_disk_stops_nothing_and_is_told(tmp_path: Path) -> None:
    lines = layout_lines(tmp_path, 2)
    ended = batch(lines.write(tmp_path / "list"), "--report", "/dev/full")
    assert ended.code == 1
    assert "the report ends here" in ended.err
    assert is_copied(lines.images[1], tmp_path / "out-1")


def test_quiet_tells_errors_only(tmp_path: Path) -> None:
    path = layout_lines(tmp_path, 1).write(tmp_path / "list", [f"oci:{tmp_path}/no dir:x"])
    ended = batch(path, "--quiet")
    assert ended.out == ""
    assert [line.level for line in ended.log] == ["error"]


def test_long_tables_show_failures_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regcopy.cli.batch_run.MAX_ROWS", 1)
    path = layout_lines(tmp_path, 2).write(tmp_path / "list", [f"oci:{tmp_path}/no dir:x"])
    heads, row, blank, *_ = batch(path).out.splitlines()
    assert (heads.split()[0], row.split()[:2], blank) == ("LINE", ["3", "failed"], "")
