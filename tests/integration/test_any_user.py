"""`python -m regcopy` for a user that nobody knows: no home, no name, nothing to write to.

As in the container, without a container: the file system is made read-only in a mount namespace,
and what Python needs is shown at a place that everybody may read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.command_line import Ended
from tests.conftest import unavailable
from tests.fake_registry import FakeRegistry
from tests.lists import is_copied
from tests.programs import require_program

UID: Final = 12345
PLAIN: Final = ("--src-tls-verify=false", "--dest-tls-verify=false")
_ROOT: Final = Path(__file__).resolve().parents[2]
_ENTER: Final = """
set -eu
mount -t tmpfs -o mode=755 none /mnt
for name in python site code work; do
    mkdir /mnt/$name
    mount --bind "$1" /mnt/$name
    [ $name = work ] || mount -o remount,bind,ro /mnt/$name
    shift
done
mount -o remount,ro /mnt
mount -o remount,bind,ro /
cd /
exec setpriv --reuid=%(uid)d --regid=%(uid)d --clear-groups --no-new-privs "$@"
"""

RunAsNobody = Callable[..., Ended]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder that everybody may write to; it is `/mnt/work` inside."""
    folder = tmp_path / "work"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def run_as_nobody(work: Path) -> RunAsNobody:
    """Run the program as a user without a name, in a file system that is read-only."""
    if os.geteuid() != 0:
        unavailable("only root can be another user")
    unshare, _ = require_program("unshare"), require_program("setpriv")
    python = f"/mnt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"

    def run(*arguments: str, variables: Mapping[str, str] | None = None) -> Ended:
        folders = (sys.base_prefix, sysconfig.get_path("purelib"), str(_ROOT), str(work))
        done = subprocess.run(
            [
                *(unshare, "--mount", "--propagation=private"),
                *("sh", "-c", _ENTER % {"uid": UID}, "sh", *folders),
                *(python, "-m", "regcopy", *arguments),
            ],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": "/mnt/code:/mnt/site",
                "LD_LIBRARY_PATH": "/mnt/python/lib",  # where libpython is a library of its own
                **(variables or {}),
            },
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.mark.parametrize("home", ["", "/nowhere", "/mnt/work", "/mnt/work/roots", "relative"])
def test_an_image_goes_from_registry_to_registry(
    run_as_nobody: RunAsNobody, work: Path, fake: FakeRegistry, home: str
) -> None:
    (work / "roots").mkdir(mode=0o700)
    image = single_image()
    with FakeRegistry() as target:
        fake.hold(image, "in", "1")
        names = (f"docker://{fake.host}/in:1", f"docker://{target.host}/out:1")
        variables = {"HOME": home} if home else {}
        ended = run_as_nobody("copy", *PLAIN, *names, variables=variables)
        assert (ended.code, ended.err) == (0, "")
        assert target.manifests["out", "1"] == image.top


def test_a_list_is_copied_and_nothing_is_written_but_what_was_asked_for(
    run_as_nobody: RunAsNobody, work: Path
) -> None:
    image = single_image()
    write_layout(image, work / "in", "1")
    (work / "url.txt").write_text("oci:/mnt/work/in:1 dir:/mnt/work/out\n")
    before = set(work.iterdir())
    variables = {"REGCOPY_WORKSPACE": "/mnt/work", "REGCOPY_RESULT_FAILED_COUNT": "/mnt/work/count"}
    ended = run_as_nobody("tekton", variables=variables)
    assert ended.code == 0, ended.err
    assert is_copied(image, work / "out")
    assert set(work.iterdir()) - before == {work / "out", work / "count"}
    assert (work / "out").stat().st_uid == UID


def test_where_nothing_may_be_written_that_is_told_in_one_line(run_as_nobody: RunAsNobody) -> None:
    ended = run_as_nobody("copy", "oci:/nowhere:1", "dir:/var/out")
    assert ended.code != 0
    assert len(ended.err.splitlines()) == len(ended.log) == 1
