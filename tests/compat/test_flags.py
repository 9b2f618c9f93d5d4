"""Every flag of skopeo, rightly and wrongly used, through skopeo and regcopy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.compat.programs import regcopy_says, skopeo_says, write_images
from tests.unit.cli.test_flag_table import GLOBALS, SKOPEO, table

_NAMES: Final = {
    "copy": "oci:one:t oci:{0}:t",
    "inspect": "oci:one:t",
    "delete": "docker://localhost:1/a",
    "list-tags": "docker://localhost:1/a",
}


def wrong_lines() -> Iterator[tuple[str, str]]:
    """Give each flag with a value that it cannot have, or without one, and its name."""
    for command, names in _NAMES.items():
        for name, short, kind in table(SKOPEO[command]):
            if kind == "bool":
                yield f"{command} --{name}=maybe {names}", name
            else:
                yield f"{command} {names} --{name}", name
            if kind not in ("bool", "string", "strings"):
                yield f"{command} --{name}=x {names}", name
            if short:
                yield f"{command} {names} -{short}{'=maybe' if kind == 'bool' else ''}", name
    for name, _, kind in table(GLOBALS):
        if kind == "bool":
            yield f"--{name}=maybe inspect oci:one:t", name
        else:
            yield f"inspect oci:one:t --{name}", name


WRONG: Final = tuple(wrong_lines())

# What can be done, or fails, in the same way: code, output, log, and the files.
ALIKE: Final = """
copy --all oci:four:t dir:{0}
copy --authfile=docker/version oci:one:t dir:{0}
copy --authfile=gone oci:one:t dir:{0}
copy --dest-compress dir:docker dir:{0}
copy --dest-compress-format=gzip dir:docker dir:{0}
copy --dest-compress-level=1 dir:docker dir:{0}
copy --preserve-digests oci:one:t dir:{0}
copy --remove-signatures oci:one:t dir:{0}
copy --multi-arch=system oci:four:t dir:{0}
copy --multi-arch=all oci:four:t dir:{0}
copy --retry-times=2 oci:one:t dir:{0}
copy --src-shared-blob-dir=one/blobs oci:one:t dir:{0}
copy --src-tls-verify=false oci:one:t dir:{0}
copy --dest-tls-verify=false oci:one:t dir:{0}
copy --src-no-creds oci:one:t dir:{0}
copy --dest-no-creds oci:one:t dir:{0}
copy --src-cert-dir=gone oci:one:t dir:{0}
copy --dest-cert-dir=gone oci:one:t dir:{0}
copy --src-daemon-host=x oci:one:t dir:{0}
copy --dest-daemon-host=x oci:one:t dir:{0}
copy --src-registry-token=x oci:one:t dir:{0}
copy --dest-registry-token=x oci:one:t dir:{0}
copy --src-username=a --src-password=b oci:one:t dir:{0}
copy --dest-username=a --dest-password=b oci:one:t dir:{0}
copy --src-creds=a:b oci:one:t dir:{0}
copy --dest-creds=a:b oci:one:t dir:{0}
copy --src-authfile=gone oci:one:t dir:{0}
copy --dest-authfile=gone oci:one:t dir:{0}
copy --digestfile={0}.digest oci:one:t dir:{0}
--override-arch=arm64 copy oci:four:t dir:{0}
--command-timeout=1h copy oci:one:t dir:{0}
--tmpdir=. copy oci:one:t dir:{0}
--registries.d=gone copy oci:one:t dir:{0}
--debug=false copy oci:one:t dir:{0}
copy --quiet=0 oci:one:t dir:{0}
copy -q=false oci:one:t dir:{0}
copy -qa oci:four:t dir:{0}
copy -q -a oci:four:t oci:{0}:t
copy --all=1 oci:four:t dir:{0}
copy --all=F oci:four:t dir:{0}
copy --dest-precompute-digests oci:one:t dir:{0}
copy --dest-oci-accept-uncompressed-layers oci:one:t oci:{0}:t
copy --dest-shared-blob-dir={0}.blobs oci:one:t oci:{0}:t
copy --dest-compress-format=foo oci:one:t dir:{0}
copy --digestfile {0}.digest -a oci:four:t oci:{0}:t
copy --format=oci oci:one:t dir:{0}
copy -f oci oci:four:t -a dir:{0}
copy --format v2s2 dir:docker dir:{0}
copy oci:one oci:{0}
copy oci:one:t oci:{0}
copy dir:docker dir:{0} --
copy --multi-arch all oci:four:t dir:{0}
copy --retry-times -1 oci:one:t dir:{0}
copy --command-timeout=10m oci:one:t dir:{0}
copy --override-arch=s390x oci:four:t dir:{0}
--override-os=linux --override-arch=ppc64le copy oci:four:t dir:{0}
copy oci:one dir:{0}
copy dir:list dir:{0}
copy -- oci:one:t dir:{0}
copy oci:one:t -- dir:{0}
copy bogus:x dir:{0}
copy :x dir:{0}
copy dir:docker bogus:x
inspect --authfile=gone oci:one:t --raw
inspect --creds=a:b --no-creds oci:one:t
inspect --username=a oci:one:t
inspect --password=a oci:one:t
inspect --username=a --password=b --raw oci:one:t
inspect --tls-verify=false --raw oci:one:t
inspect --cert-dir=gone --raw oci:one:t
inspect --daemon-host=x --raw oci:one:t
inspect --registry-token=x --raw oci:one:t
inspect --retry-times=1 --raw oci:one:t
inspect --shared-blob-dir=one/blobs --raw oci:one:t
inspect -n --raw oci:one:t
inspect --raw dir:list
inspect --config dir:list
inspect docker:x
delete --no-creds --creds=a:b docker://localhost:1/a
delete --username=a docker://localhost:1/a
delete docker:x
list-tags --creds=a:b --no-creds docker://localhost:1/a
list-tags --password=x docker://localhost:1/a
list-tags oci:one:t
manifest-digest --nope x
manifest-digest list/manifest.json
manifest-digest one/index.json
manifest-digest one/oci-layout
""".strip().splitlines()


@pytest.fixture(autouse=True)
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The images that the lines name, in the current folder."""
    write_images(tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("line", "flag"), WRONG, ids=[line for line, _ in WRONG])
def test_a_flag_that_is_used_wrongly_gets_the_same_message(line: str, flag: str) -> None:
    theirs, ours = skopeo_says(line), regcopy_says(line)
    if theirs.log == (("fatal", f"unknown flag: --{flag}"),):
        # A flag of newer versions: the message is pflag's all the same.
        assert (ours.code, f"--{flag}" in ours.log[0][1]) == (1, True)
    else:
        assert ours == theirs


@pytest.mark.parametrize("line", ALIKE)
def test_a_line_gives_the_same_code_output_log_and_files(line: str) -> None:
    assert regcopy_says(line) == skopeo_says(line)
