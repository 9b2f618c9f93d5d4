"""Archives through real pipes, with the command line in processes of their own."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from regcopy.api import copy
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_dir
from regcopy.transports import parse_reference
from tests.docker_archives import IMAGE, made_up
from tests.engines import Podman
from tests.hand_copy import read_image
from tests.storage_watch import contents

ROOT = Path(__file__).resolve().parents[3]
REGCOPY = f"{shlex.quote(sys.executable)} -m regcopy"
GZIPPED = single_image(layers=2, layer_bytes=1_500_000)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A folder with an image in it."""
    write_dir(IMAGE, tmp_path / "sample")
    return tmp_path / "sample"


def shell(line: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line in bash, with our program in it, to its end."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(folder),
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
    )


def read_back(path: Path) -> SampleImage:
    """Read the image in an archive."""
    return read_image(parse_reference(f"docker-archive:{path}"))


@pytest.mark.parametrize("image", [IMAGE, GZIPPED], ids=["plain layers", "gzipped layers"])
def test_what_goes_through_a_pipe_is_what_a_file_gets(tmp_path: Path, image: SampleImage) -> None:
    write_dir(image, tmp_path / "sample")
    copy(f"dir:{tmp_path}/sample", f"docker-archive:{tmp_path}/file.tar:app:1")

    done = shell(
        f"{REGCOPY} copy dir:sample docker-archive:/dev/stdout:app:1 | cat > p.tar", tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p.tar").read_bytes() == (tmp_path / "file.tar").read_bytes()
    assert b"Writing manifest to image destination" in done.stderr


def test_standard_output_may_be_a_file(tmp_path: Path, sample: Path) -> None:
    done = shell(f"{REGCOPY} copy dir:{sample} docker-archive:/dev/stdout > out.tar", tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_back(tmp_path / "out.tar").blobs == IMAGE.blobs


def test_standard_output_that_is_a_file_with_something_in_it_is_refused(
    tmp_path: Path, sample: Path
) -> None:
    (tmp_path / "out.tar").write_bytes(b"before")
    done = shell(f"{REGCOPY} copy dir:{sample} docker-archive:/dev/stdout >> out.tar", tmp_path)
    assert done.returncode == 1
    assert b"doesn't support modifying existing images" in done.stderr
    assert (tmp_path / "out.tar").read_bytes() == b"before"


@pytest.mark.parametrize("pack", ["cat", "gzip -c"])
def test_an_archive_is_read_from_a_pipe(tmp_path: Path, sample: Path, pack: str) -> None:
    copy(f"dir:{sample}", f"docker-archive:{tmp_path}/a.tar:app:1")
    line = f"{pack} < a.tar | {REGCOPY} copy -q docker-archive:/dev/stdin:app:1 dir:out"
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_image(parse_reference(f"dir:{tmp_path}/out")).top == made_up(IMAGE.top)


def test_standard_input_may_be_a_file(tmp_path: Path, sample: Path) -> None:
    copy(f"dir:{sample}", f"docker-archive:{tmp_path}/a.tar")
    done = shell(f"{REGCOPY} copy -q docker-archive:/dev/stdin dir:out < a.tar", tmp_path)
    assert done.returncode == 0, done.stderr


def test_two_of_us_are_joined_by_a_pipe(tmp_path: Path, sample: Path) -> None:
    line = (
        f"{REGCOPY} copy dir:{sample} docker-archive:/dev/stdout | "
        f"{REGCOPY} copy -q docker-archive:/dev/stdin docker-archive:out.tar"
    )
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_back(tmp_path / "out.tar").blobs == IMAGE.blobs


def test_named_pipes_join_two_of_us(tmp_path: Path, sample: Path) -> None:
    line = (
        f"mkfifo pipe; {REGCOPY} copy dir:{sample} docker-archive:pipe & "
        f"{REGCOPY} copy -q docker-archive:pipe docker-archive:out.tar; ours=$?; "
        "wait $! && exit $ours"
    )
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert read_back(tmp_path / "out.tar").blobs == IMAGE.blobs


def test_podman_loads_from_the_pipe(podman: Podman, tmp_path: Path, sample: Path) -> None:
    load = shlex.join(podman.command("load", "--quiet"))
    done = shell(
        f"{REGCOPY} copy dir:{sample} docker-archive:/dev/stdout:localhost/pipe/app:1 | {load}",
        tmp_path,
        **podman.environment,
    )
    assert done.returncode == 0, done.stderr
    assert podman.run("image", "exists", "localhost/pipe/app:1") == ""


def test_what_podman_saves_is_read_from_the_pipe(
    podman: Podman, tmp_path: Path, sample: Path
) -> None:
    copy(f"dir:{sample}", f"docker-archive:{tmp_path}/a.tar:localhost/saved/app:1")
    podman.run("load", "--quiet", f"--input={tmp_path}/a.tar")
    save = shlex.join(podman.command("save", "--quiet", "localhost/saved/app:1"))
    done = shell(
        f"{save} | {REGCOPY} copy -q docker-archive:/dev/stdin dir:out",
        tmp_path,
        **podman.environment,
    )
    assert done.returncode == 0, done.stderr
    assert read_image(parse_reference(f"dir:{tmp_path}/out")).top == made_up(IMAGE.top)


def test_a_reader_that_goes_away_is_told_in_one_line(tmp_path: Path) -> None:
    write_dir(GZIPPED, tmp_path / "sample")
    done = shell(f"{REGCOPY} copy -q dir:sample docker-archive:/dev/stdout | head -c 100", tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert b"writing to /dev/stdout: Broken pipe" in line
    assert b"the program that reads it has ended" in line


def test_a_pipe_that_ends_early_is_told_in_one_line(tmp_path: Path, sample: Path) -> None:
    copy(f"dir:{sample}", f"docker-archive:{tmp_path}/a.tar")
    line = f"head -c 20000 a.tar | {REGCOPY} copy -q docker-archive:/dev/stdin dir:out"
    done = shell(line, tmp_path)
    assert done.returncode == 1
    (told,) = done.stderr.splitlines()
    assert b"/dev/stdin is cut off" in told
    assert not (tmp_path / "out").exists()


def test_an_index_for_a_pipe_is_refused_before_a_byte_goes_out(tmp_path: Path) -> None:
    write_dir(multi_platform_image(), tmp_path / "sample")
    done = shell(f"{REGCOPY} copy --all dir:sample docker-archive:/dev/stdout", tmp_path)
    assert done.returncode == 1
    assert done.stdout == b""


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "names",
    [
        ("dir:sample", "docker-archive:/dev/stdout"),
        ("docker-archive:/dev/stdin", "dir:out"),
        ("dir:sample", "docker-archive:pipe"),
    ],
    ids=["a full pipe", "an empty pipe", "a named pipe that nobody reads"],
)
def test_a_copy_that_waits_at_a_pipe_can_be_stopped(
    tmp_path: Path, names: tuple[str, str], stopped_by: signal.Signals
) -> None:
    write_dir(GZIPPED, tmp_path / "sample")
    os.mkfifo(tmp_path / "pipe")
    before = contents(tmp_path / "sample")
    command = [sys.executable, "-m", "regcopy", "copy", "-q", *names]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=variables, stdin=-1, stdout=-1, stderr=-1
    ) as process:
        wait_until_asleep(process.pid)
        process.send_signal(stopped_by)
        # Reading what it wrote would let it go on.
        status = process.wait(60)
    assert status == 128 + stopped_by
    assert contents(tmp_path / "sample") == before
    assert sorted(os.listdir(tmp_path)) == ["pipe", "sample"]


def wait_until_asleep(process_id: int) -> None:
    """Wait until a process handles signals, and has not used the processor for a while."""
    used, quiet = -1, 0
    deadline = time.monotonic() + 60
    while quiet < 5 and time.monotonic() < deadline:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        fields = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(")")[2]
        now = sum(map(int, fields.split()[11:13]))
        is_ready = caught & 1 << (signal.SIGTERM - 1)
        quiet = quiet + 1 if is_ready and now == used else 0
        used = now
        time.sleep(0.1)
