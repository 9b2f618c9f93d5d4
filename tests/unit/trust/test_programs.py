"""Another program is run with limits."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from regcopy.errors import LimitExceeded, TimedOut, TransportUnavailable
from regcopy.trust.programs import SECRET, STATUS, Ended, Limits, find_program, run

QUICK = Limits(seconds=30.0, output_bytes=1000, notes_bytes=1000)


def python(code: str, *arguments: str, stdin: bytes = b"", limits: Limits = QUICK) -> Ended:
    command = [sys.executable, "-I", "-c", code, *arguments]
    return run(command, {"ONLY": "this"}, stdin=stdin, secret=b"secret\n", limits=limits)


def has_ended(pid: int) -> bool:
    """Whether a process ends within ten seconds: a signal takes effect when it is scheduled."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_everything_that_it_says_is_kept_apart() -> None:
    ended = python(
        "import os, sys; os.write(int(sys.argv[1]), b'status'); "
        "sys.stdout.write(sys.stdin.read() * 2); sys.stderr.write('note'); sys.exit(3)",
        STATUS,
        stdin=b"in",
    )
    assert ended == Ended(3, b"inin", b"status", b"note")


def test_a_secret_goes_through_a_descriptor_of_its_own() -> None:
    ended = python("import os, sys; print(os.read(int(sys.argv[1]), 99))", SECRET)
    assert ended.output == b"b'secret\\n'\n"


def test_it_gets_the_environment_that_it_is_given_and_no_other() -> None:
    ended = python("import os; print(sorted(os.environ))")
    assert b"'ONLY'" in ended.output
    assert b"PATH" not in ended.output


def test_input_that_it_does_not_read_is_no_error() -> None:
    assert python("pass", stdin=b"x" * 1_000_000).code == 0


def test_much_input_and_output_at_once() -> None:
    size = 300_000
    ended = python(
        "import sys; [sys.stdout.write(line) for line in sys.stdin]",
        stdin=b"line\n" * (size // 5),
        limits=Limits(output_bytes=size),
    )
    assert len(ended.output) == size


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 1000)",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "import os, sys\nwhile True: os.write(int(sys.argv[1]), b'x' * 1000)",
    ],
)
def test_one_that_does_not_stop_writing_is_ended(code: str) -> None:
    with pytest.raises(LimitExceeded, match="wrote more than 1000 bytes"):
        python(code, STATUS)


def test_one_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; child = os.fork(); "
        "child and open(sys.argv[1], 'w').write(f'{os.getpid()} {child}'); time.sleep(600)"
    )
    with pytest.raises(TimedOut, match=r"did not end in 1\.5 seconds"):
        python(code, str(tmp_path / "both"), limits=Limits(seconds=1.5))
    assert [has_ended(int(pid)) for pid in (tmp_path / "both").read_text().split()] == [True, True]


def test_a_program_that_is_missing_names_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TransportUnavailable) as caught:
        find_program("gpg", str(tmp_path), package="GnuPG")
    assert caught.value.hint == "install GnuPG"


def test_a_program_is_never_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gpg").write_text("#!/bin/sh\n")
    (tmp_path / "gpg").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for path in ("", ".", ":", "./"):
        with pytest.raises(TransportUnavailable):
            find_program("gpg", path, package="GnuPG")
    assert find_program("gpg", str(tmp_path), package="GnuPG") == str(tmp_path / "gpg")
