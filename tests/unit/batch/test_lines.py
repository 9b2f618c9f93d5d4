"""Lists: what a line may look like, and how bad ones are told."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from regcopy.batch import BadList, parse_list, read_list
from regcopy.batch import lines as module
from regcopy.batch.lines import make_line
from regcopy.errors import LimitExceeded, UsageError

A = "docker://host.example/a:1"
B = "docker://other.example/b:1"


def problems(*texts: str) -> dict[int, str]:
    with pytest.raises(BadList) as caught:
        parse_list(texts)
    return {problem.number: problem.message for problem in caught.value.problems}


def test_a_line_has_a_number_two_names_and_options() -> None:
    [line] = parse_list(["", f"{A} {B} all"])
    assert (line.number, line.source, line.destination, line.words) == (2, A, B, ("all",))


@pytest.mark.parametrize(
    "text",
    [
        f"{A} {B}",
        f"  {A}\t \t{B}  ",
        f"{A} {B}\r\n",
        f"{A} {B} # why",
        f"{A} {B} #",
    ],
)
def test_blanks_ends_and_comments_do_not_matter(text: str) -> None:
    [line] = parse_list([text])
    assert str(line) == f"{A} {B}"


@pytest.mark.parametrize("text", ["", "   ", "\t\r\n", "# x", "  #a b c d e", "#"])
def test_lines_that_say_nothing_are_skipped(text: str) -> None:
    assert parse_list([text]) == ()


@pytest.mark.parametrize(
    "content",
    [
        f"{A} {B}",
        f"{A} {B}\n",
        f"\n\n{A} {B}\r\n",
        f"\ufeff{A} {B}\n",
    ],
)
def test_a_file_may_have_a_mark_crlf_and_no_end_of_its_last_line(content: str) -> None:
    [line] = read_list(io.BytesIO(content.encode()))
    assert (line.source, line.destination) == (A, B)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (A, "one name, where a source and a destination are needed"),
        (f"{A} {B} docker://third/x", 'more than two names: "docker://third/x"'),
        (f"{A} {B} third", '"third" is a third name, or an option that is not known'),
        (f"--all {A} {B}", '"--all" starts with -, and no name does'),
        (f"{A} -x", '"-x" starts with -, and no name does'),
        (f"{A} {B} --all", '"--all": options stand without - in a list'),
        (f"bogus:x {B}", 'source: Invalid image name "bogus:x", unknown transport "bogus"'),
        (f"{A} bogus:x", 'destination: Invalid image name "bogus:x", unknown transport "bogus"'),
        (f"{A} {A}", f"source and destination are the same: {A}"),
        (f"{A}\x07 {B}", "a character that cannot be seen: U+0007"),
        (f"{A}\u00a0{B}", "a character that cannot be seen: U+00A0"),
        (f"{A} {B}\rx", "a character that cannot be seen: U+000D"),
        (f"{A} docker://h.example/Big", "destination: invalid reference"),
    ],
)
def test_a_bad_line_is_told(text: str, message: str) -> None:
    assert problems("", text)[2].startswith(message)


def test_all_bad_lines_are_told_at_once() -> None:
    assert list(problems(A, f"{A} {B}", "x", "", "bogus:x bogus:y")) == [1, 3, 5]


def test_a_long_tale_is_cut_in_the_message_and_not_in_the_list() -> None:
    with pytest.raises(BadList, match=r"the list has 30 bad lines: line 1: .*; and 20 more") as bad:
        parse_list(["x"] * 30)
    assert len(bad.value.problems) == 30


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("docker://a", "docker://docker.io/library/a:latest"),
        ("docker://index.docker.io/team/a", "docker://team/a:latest"),
        ("dir:x", "dir:./y/../x"),
        ("oci:x:1", "oci:./x:1"),
    ],
)
def test_two_spellings_of_a_destination_are_one(one: str, other: str) -> None:
    found = problems(f"{A} {one}", f"{B} {other}")
    assert found == {2: f"same destination as line 1: {other}"}


def test_a_link_to_the_same_folder_is_the_same_destination(tmp_path: Path) -> None:
    os.symlink("real", tmp_path / "link")
    found = problems(f"{A} dir:{tmp_path}/real", f"{B} dir:{tmp_path}/link")
    assert "same destination as line 1" in found[2]


def test_two_names_in_one_layout_are_two_destinations() -> None:
    assert len(parse_list([f"{A} oci:x:1", f"{A} oci:x:2"])) == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_destination_that_another_line_reads_is_told(order: tuple[int, int]) -> None:
    texts = [f"{A} {B}", f"{B} dir:x"]
    found = problems(*(texts[at] for at in order))
    at = order.index(0) + 1
    assert found == {at: f"its destination is the source of line {3 - at}"}


def test_bytes_that_are_no_text_name_their_line() -> None:
    with pytest.raises(BadList, match="line 2: a byte that is no UTF-8: 0xff"):
        read_list(io.BytesIO(f"{A} {B}\n{A} dir:\xff".encode("latin-1")))


@pytest.mark.parametrize("mark", ["utf-16", "utf-32"])
def test_other_encodings_are_told_by_their_name(mark: str) -> None:
    with pytest.raises(UsageError, match=r"is UTF-16 text|is no text"):
        read_list(io.BytesIO(f"{A} {B}".encode(mark)))


def test_a_list_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LIST_BYTES", 100)
    with pytest.raises(LimitExceeded):
        read_list(io.BytesIO(b"#" * 101))


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINES", 2)
    with pytest.raises(LimitExceeded, match="more than 2 lines"):
        parse_list(["", "", ""])


def test_a_line_without_end_is_refused() -> None:
    assert problems(f"{A} dir:{'x' * 20_000}") == {1: "longer than 16384 characters"}


def test_many_transports_that_nobody_has_cost_no_more_than_a_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(module, "find_transport", asked.append)
    found = problems(*(f"t{n}:x u{n}:y" for n in range(500)))
    assert len(found) == 500
    assert len(asked) == 50


def test_a_known_transport_is_found_after_many_that_nobody_has() -> None:
    texts = [*(f"t{n}:x u{n}:y" for n in range(60)), f"{A} {B}"]
    assert 61 not in problems(*texts)


def test_a_single_pair_is_checked_like_a_line() -> None:
    assert make_line(1, A, B).destination == B
    with pytest.raises(UsageError, match="source: Invalid image name"):
        make_line(1, "nothing", B)
