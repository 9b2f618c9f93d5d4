"""What the program may load before it knows what to do, and how it ends with odd outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from regcopy.testing.samples import single_image, write_layout
from tests.servers import Registry, free_port

HEAVY: Final = frozenset(
    {
        "argparse",
        "asyncio",
        "concurrent.futures",
        "cryptography",
        "http.client",
        "importlib.metadata",
        "json",
        "logging",
        "publicsuffixlist",
        "regcopy.api",
        "requests",
        "rich",
        "selectors",
        "ssl",
        "subprocess",
        "tempfile",
        "tenacity",
        "urllib3",
    }
)
HTTP: Final = frozenset({"http.client", "requests", "ssl", "tenacity", "urllib3"})
# Each of them is the first of many.
ENGINE_AND_TRUST: Final = frozenset(
    {
        "regcopy.copying.engine",
        "regcopy.copying.options",
        "regcopy.copying.places",
        "regcopy.trust.gate",
        "regcopy.trust.options",
        "regcopy.trust.signatures",
    }
)
# What finds credentials, and what tells where registries and their signatures are.
REGISTRIES: Final = frozenset(
    {
        "regcopy.auth.chain",
        "regcopy.auth.credential",
        "regcopy.config.registries_conf",
        "regcopy.config.registries_d",
        "regcopy.model.reference",
    }
)
SIGNATURES: Final = frozenset(
    {
        "regcopy.trust.gpg",
        "regcopy.trust.identity",
        "regcopy.trust.policy_signed",
        "regcopy.trust.requirements",
        "regcopy.trust.signatures",
        "regcopy.trust.signers",
    }
)
_REPORT: Final = """
import sys
sys.argv = ["regcopy", *sys.argv[1:]]
from regcopy.cli.main import run
try:
    run()
except SystemExit:
    print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def run_program(*arguments: str, stdout: int = subprocess.PIPE) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "regcopy", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def loaded_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.split())


def garbage(then: str) -> str:
    """Run the program, and then something that tells about the collector."""
    code = (
        "import gc; usual = gc.get_threshold(); from regcopy.cli.main import run\n"
        f"try: run()\nexcept SystemExit: {then}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("copy", "--help"),
        ("copy", "--all=no"),
        ("copy", "one"),
        ("bogus",),
        ("manifest-digest", sys.executable),
    ],
)
def test_quick_answers_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)
    assert "regcopy.cli.main" in loaded
    assert loaded & HEAVY == set()


def test_a_mistyped_name_loads_no_http_library() -> None:
    loaded = loaded_by("copy", "x", "docker://y")
    assert loaded & {"requests", "urllib3", "tenacity", "rich"} == set()


def test_what_logs_nothing_loads_no_calendar() -> None:
    assert "datetime" not in loaded_by("--version")


def test_to_list_tags_neither_the_engine_nor_the_trust_policy_is_loaded() -> None:
    name = f"docker://127.0.0.1:{free_port()}/app"
    loaded = loaded_by("list-tags", "--retry-times=0", "--tls-verify=false", name)
    assert "requests" in loaded
    assert loaded & ENGINE_AND_TRUST == set()


def test_what_repeats_requests_is_loaded_when_one_has_failed(registry: Registry) -> None:
    arguments = ("list-tags", "--retry-times=1", "--retry-delay=1ms", "--tls-verify=false")
    assert "tenacity" not in loaded_by(*arguments, f"docker://{registry.host}/no-such/app")
    assert "tenacity" in loaded_by(*arguments, f"docker://127.0.0.1:{free_port()}/app")


def test_to_look_at_an_image_in_a_folder_loads_nothing_to_copy_it(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path, "1")
    loaded = loaded_by("inspect", f"oci:{tmp_path}:1")
    assert "regcopy.transports.oci.source" in loaded
    assert loaded & (ENGINE_AND_TRUST | HTTP | {"rich", "subprocess", "tempfile"}) == set()


def test_to_verify_an_image_loads_nothing_that_compares_or_unpacks_images(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path / "layout", "1")
    loaded = loaded_by("verify", f"oci:{tmp_path}/layout:1")
    assert "regcopy.checking.verify" in loaded
    others = {f"regcopy.checking.{name}" for name in ("diff", "files", "tree")}
    assert loaded & (others | {"regcopy.streams.decompress"}) == set()


def test_a_copy_between_folders_loads_neither_http_nor_what_signs(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path / "layout", "1")
    places = (f"oci:{tmp_path}/layout:1", f"dir:{tmp_path}/copy")
    loaded = loaded_by("copy", "--insecure-policy", *places)
    assert (tmp_path / "copy" / "manifest.json").is_file()
    others = {"regcopy.copying.dry_run", "regcopy.copying.layers", "regcopy.streams.recompress"}
    libraries = {"cryptography", "isal", "rich", "secrets"}
    standard = {"datetime", "logging", "socket", "subprocess", "tempfile"}
    assert loaded & (HTTP | REGISTRIES | SIGNATURES | others | libraries | standard) == set()


def test_a_policy_that_demands_no_signature_loads_nothing_that_checks_one(tmp_path: Path) -> None:
    write_layout(single_image(), tmp_path / "layout", "1")
    (tmp_path / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    policy = f"--policy={tmp_path}/policy.json"
    loaded = loaded_by("copy", policy, f"oci:{tmp_path}/layout:1", f"dir:{tmp_path}/copy")
    assert "regcopy.trust.policy_file" in loaded
    assert loaded & (SIGNATURES | {"logging"}) == set()


def test_garbage_is_collected_as_usual_once_there_can_be_some() -> None:
    told = garbage(
        "later = gc.get_threshold(); gc.collect(); "
        "print(later[0] > usual[0], gc.get_threshold() == usual, gc.callbacks)"
    )
    assert told == "True True []"


def test_the_end_looks_for_no_garbage() -> None:
    assert garbage("print(gc.get_freeze_count() > len(gc.get_objects()))") == "True"


def test_the_module_can_be_run() -> None:
    code, out, err = run_program("--version")
    assert (code, err) == (0, "")
    assert out.startswith("regcopy version ")


def test_a_full_disk_is_one_line_and_exit_code_one() -> None:
    with open("/dev/full", "wb") as full:
        code, _, err = run_program("--version", stdout=full.fileno())
    assert code == 1
    assert "writing to standard output: No space left on device" in err
    assert err.count("\n") == 1


def test_a_reader_that_went_away_is_no_message() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code, _, err = run_program("--help", stdout=writer)
    os.close(writer)
    assert (code, err) == (141, "")


@pytest.mark.parametrize(
    ("closing", "code"), [(">&-", 1), ("2>&-", 0), (">&- 2>&-", 1)], ids=["out", "err", "both"]
)
def test_closed_outputs_are_told_by_the_exit_code(closing: str, code: int) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m regcopy --version {closing}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_the_console_script_of_the_project_is_this_program() -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'regcopy = "regcopy.__main__:run"' in text
