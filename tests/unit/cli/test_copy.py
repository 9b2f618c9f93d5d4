"""What `copy` makes of its command line; the library is replaced by something that listens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from regcopy import api
from regcopy.api import Access
from regcopy.auth.credential import Credential
from regcopy.copying.options import CompressionOptions, CopyOptions, Instances
from regcopy.copying.result import CopiedImage, CopyResult, DryRun
from regcopy.events import (
    BlobStarted,
    CopyStarted,
    ManifestWritten,
    Observer,
    PlannedImage,
    Retrying,
)
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.platform import Platform
from tests.command_line import Ended, run_cli

MANIFEST: Final = Digest.of(b"manifest")
LAYER: Final = Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", Digest.of(b"layer"), 5)
AMD64: Final = Platform("linux", "amd64")
ARM64: Final = Platform("linux", "arm64", "v8")


class FakeLibrary:
    """Stands for `api.copy` and `api.plan_copy`, and keeps what it was given."""

    def __init__(self) -> None:
        self.result = CopyResult(MANIFEST, MANIFEST, (CopiedImage(MANIFEST, AMD64),))
        self.names: tuple[str, str] = ("", "")
        self.options = CopyOptions()
        self.source = self.destination = Access()
        self.dry = False

    def copy(
        self, source: str, destination: str, *, observer: Observer, **given: object
    ) -> CopyResult:
        self._keep(source, destination, given)
        observer.notify(
            CopyStarted(1, 1, False, 1, 5, (PlannedImage(MANIFEST, (LAYER.digest,), None),))
        )
        observer.notify(BlobStarted(LAYER, "layer"))
        observer.notify(Retrying("it failed", 1, 5, 0.5))
        observer.notify(ManifestWritten(MANIFEST, True))
        return self.result

    def plan(self, source: str, destination: str, **given: object) -> DryRun:
        self._keep(source, destination, given)
        self.dry = True
        return DryRun(MANIFEST, None, self.result.images, 1, 2048, 2, 5, 9, False)

    def _keep(self, source: str, destination: str, given: Mapping[str, object]) -> None:
        self.names = (source, destination)
        options, accesses = given["options"], (given["source_access"], given["destination_access"])
        assert isinstance(options, CopyOptions)
        assert isinstance(accesses[0], Access)
        assert isinstance(accesses[1], Access)
        self.options = options
        self.source, self.destination = accesses[0], accesses[1]


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    fake = FakeLibrary()
    monkeypatch.setattr(api, "copy", fake.copy)
    monkeypatch.setattr(api, "plan_copy", fake.plan)
    return fake


def copy(*flags: str, to: str = "oci:there:1") -> Ended:
    return run_cli("copy", *flags, "oci:here:1", to)


def test_both_names_reach_the_library(library: FakeLibrary) -> None:
    assert copy().code == 0
    assert library.names == ("oci:here:1", "oci:there:1")
    assert library.options == CopyOptions()


@pytest.mark.parametrize("names", [(), ("oci:here",), ("oci:a", "oci:b", "oci:c")])
def test_another_number_of_names_shows_the_usage(names: tuple[str, ...]) -> None:
    ended = run_cli("copy", *names)
    assert (ended.code, ended.fatal) == (1, "Exactly two arguments expected")
    assert ended.err.startswith("Usage: regcopy copy [flags] SOURCE DESTINATION\n")
    assert ended.out == ""


def test_a_wrong_name_is_told_with_its_side() -> None:
    problem = 'Invalid image name "x", expected colon-separated transport:reference'
    assert run_cli("copy", "x", "y").fatal == f"Invalid source name x: {problem}"
    ended = run_cli("copy", "oci:a", "x")
    assert ended.fatal == f"Invalid destination name x: {problem}"
    assert ended.hint == "write docker://x for an image in a registry"


@pytest.mark.parametrize(
    ("flags", "instances"),
    [
        ((), Instances("system")),
        (("--multi-arch=system",), Instances("system")),
        (("--all",), Instances("all")),
        (("-a",), Instances("all")),
        (("--multi-arch", "all"), Instances("all")),
        (("--multi-arch=index-only",), Instances("index-only")),
        (
            ("--multi-arch=linux/amd64,linux/arm64/v8",),
            Instances("platforms", (AMD64, ARM64)),
        ),
        (
            ("--multi-arch=linux/amd64", "--strip-removed-platforms"),
            Instances("platforms", (AMD64,), strip=True),
        ),
        (
            ("--platform=linux/amd64", "--platform=linux/arm64/v8"),
            Instances("platforms", (AMD64, ARM64), strip=True),
        ),
        (("--all=false",), Instances("system")),
    ],
)
def test_the_choice_of_images(
    library: FakeLibrary, flags: tuple[str, ...], instances: Instances
) -> None:
    assert copy(*flags).code == 0
    assert library.options.instances == instances


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--all", "--multi-arch=all"), "Cannot use --all and --multi-arch flags together"),
        (
            ("--all", "--platform=linux/amd64"),
            "--platform cannot be used together with --all or --multi-arch",
        ),
        (
            ("--strip-removed-platforms",),
            "--strip-removed-platforms needs a list of platforms in --multi-arch",
        ),
        (("--platform=amd64",), '--platform: invalid platform "amd64"'),
        (("--multi-arch=linux/",), '--multi-arch: invalid platform "linux/"'),
        (
            ("--format=foo",),
            "unknown format \"foo\". Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'",
        ),
        (("--sign-by-sq-fingerprint=x",), "--sign-by-sq-fingerprint is not supported yet"),
        (("--dest-compress-format=lz4",), 'cannot find compressor for "lz4"'),
        (
            ("--dest-compress", "--dest-decompress"),
            "Cannot compress and decompress at the same time",
        ),
        (
            ("--dest-force-compress-format",),
            "--dest-force-compress-format needs --dest-compress-format",
        ),
        (("--dest-compress-level=10",), "--dest-compress-level: gzip has no level 10"),
        (
            ("--dest-compress-level=x",),
            (
                'invalid argument "x" for "--dest-compress-level" flag: '
                'strconv.ParseInt: parsing "x": invalid syntax'
            ),
        ),
        (("--additional-tag=a/b",), "additional-tag 'a/b' must be a tagged reference"),
        (("--stall-timeout=0",), "--stall-timeout must be more than 0"),
        (
            ("--src-creds=a:b", "--src-no-creds"),
            "creds and no-creds cannot be specified at the same time",
        ),
        (("--dest-username=a",), "password must be specified when username is specified"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    library: FakeLibrary, flags: tuple[str, ...], message: str
) -> None:
    ended = copy(*flags)
    assert (ended.code, ended.fatal) == (1, message)
    assert library.names == ("", "")


@pytest.mark.parametrize("text", ["foo", "", "linux"])
def test_an_unknown_choice_of_images_lists_what_there_is(text: str) -> None:
    assert copy(f"--multi-arch={text}").fatal == (
        f'unknown multi-arch option "{text}". Choose one of the supported options: '
        "'system', 'all', 'index-only', or a comma-separated platform list like "
        "'linux/amd64,linux/arm64'"
    )


@pytest.mark.parametrize("form", ["oci", "v2s2", "v2s1"])
def test_a_form_of_the_manifests_reaches_the_library(library: FakeLibrary, form: str) -> None:
    copy(f"--format={form}")
    assert library.options.format == form


def test_referrers_are_copied_where_they_are_asked_for(library: FakeLibrary) -> None:
    copy("--referrers")
    assert library.options.referrers
    copy()
    assert not library.options.referrers


def test_the_other_options_reach_the_library(library: FakeLibrary) -> None:
    copy("-fv2s2", "--preserve-digests", "--image-parallel-copies=3", "--override-arch=s390x")
    options = library.options
    assert (options.format, options.preserve_digests, options.parallel) == ("v2s2", True, 3)
    assert options.platform == Platform(Platform.local().os, "s390x")


@pytest.mark.parametrize(
    ("flags", "compression"),
    [
        ((), CompressionOptions()),
        (("--dest-compress",), CompressionOptions("compressed")),
        (("--dest-decompress",), CompressionOptions("plain")),
        (
            ("--dest-compress-format=zstd", "--dest-compress-level=19"),
            CompressionOptions(format="zstd", level=19),
        ),
        (
            ("--dest-compress-format=zstd:chunked", "--dest-force-compress-format"),
            CompressionOptions(format="zstd:chunked", force=True),
        ),
        (
            ("--dest-compress-format=gzip", "--dest-force-compress-format"),
            CompressionOptions(format="gzip", force=True),
        ),
    ],
)
def test_how_layers_are_compressed(
    library: FakeLibrary, flags: tuple[str, ...], compression: CompressionOptions
) -> None:
    assert copy(*flags).code == 0
    assert library.options.compression == compression


@pytest.mark.parametrize("text", ["two", "host:5000/team/app:two"])
def test_an_additional_tag_is_alone_or_behind_the_repository(
    library: FakeLibrary, text: str
) -> None:
    ended = copy(f"--additional-tag={text}", to="docker://host:5000/team/app:1")
    assert ended.code == 0
    assert library.options.additional_tags == ("two",)


def test_an_additional_tag_in_another_repository_is_refused() -> None:
    ended = copy("--additional-tag=h:1/other:2", to="docker://h:1/app:1")
    assert ended.fatal == "additional-tag 'h:1/other:2' is not in the repository h:1/app"


def test_each_side_has_its_own_access(library: FakeLibrary) -> None:
    copy(
        "--src-creds=u:p", "--dest-registry-token=t", "--src-tls-verify=false", "--dest-cert-dir=c"
    )
    assert library.source.credential == Credential("u", "p", origin="--src-creds")
    assert library.source.options.tls_verify is False
    assert library.destination.credential == Credential(
        registry_token="t", origin="--dest-registry-token"
    )
    assert library.destination.options.tls_verify is None
    assert library.destination.options.cert_dir == "c"


def test_the_old_short_names_of_credentials_are_taken(library: FakeLibrary) -> None:
    copy("--screds=u:p", "--dcreds=v:q")
    assert library.source.credential == Credential("u", "p", origin="--screds")
    assert library.destination.credential == Credential("v", "q", origin="--dcreds")


def test_user_and_password_may_come_apart(library: FakeLibrary) -> None:
    copy("--dest-username=u", "--dest-password=p", "--src-no-creds")
    assert library.destination.credential == Credential("u", "p", origin="--dest-username")
    assert library.source.anonymous


def test_an_auth_file_of_one_side_counts_more_than_the_common_one(library: FakeLibrary) -> None:
    copy("--authfile=both", "--dest-authfile=mine")
    assert (library.source.authfile, library.destination.authfile) == ("both", "mine")


def test_patience_is_for_both_sides(library: FakeLibrary) -> None:
    copy("--retry-times=100", "--retry-delay=2s", "--stall-timeout=5s", "--token-host=auth.example")
    for access in (library.source, library.destination):
        assert access.retry.tries == 101
        assert access.retry.budget >= 100
        assert access.retry.delay_seconds == 2.0
        assert access.clocks.stall_seconds == 5.0
        assert access.options.token_hosts == ("auth.example",)


def test_no_retries_means_one_try(library: FakeLibrary) -> None:
    copy("--retry-times=0")
    assert library.source.retry.tries == 1


def test_tls_verify_for_both_sides_is_deprecated_and_works(library: FakeLibrary) -> None:
    ended = copy("--tls-verify=false", "--dest-tls-verify=true")
    assert ended.log[0].message == (
        "'--tls-verify' is deprecated, instead use: --src-tls-verify, --dest-tls-verify"
    )
    assert library.source.options.tls_verify is False
    assert library.destination.options.tls_verify is True


def test_skopeos_lines_go_to_standard_output_and_warnings_to_the_log() -> None:
    ended = copy()
    assert ended.out.splitlines() == [
        "Getting image source signatures",
        f"Copying blob {LAYER.digest}",
        "Writing manifest to image destination",
    ]
    assert [(line.level, line.message) for line in ended.log] == [
        ("warning", "attempt 1 of 5 failed: it failed; trying again in 0.5 s")
    ]


def test_quiet_says_nothing() -> None:
    assert copy("--quiet") == Ended(0, "", "")


def test_an_image_that_goes_to_standard_output_leaves_it_alone() -> None:
    ended = copy(to="dir:/dev/stdout")
    assert ended.out == ""
    assert "Getting image source signatures\n" in ended.err


def test_the_log_says_when_bytes_changed(library: FakeLibrary) -> None:
    other = Digest.of(b"other")
    library.result = CopyResult(other, MANIFEST, (), changed="layers were compressed")
    assert copy().log[-1].message == (
        f"the copy is {other}, not {MANIFEST}: layers were compressed"
    )


def test_a_line_of_skopeo_s_says_when_there_was_nothing_to_do(library: FakeLibrary) -> None:
    library.result = CopyResult(MANIFEST, MANIFEST, (), already_there=True)
    skipping = "Skipping: image already present at destination\n"
    assert copy().out.endswith(f"Getting image source signatures\n{skipping}")
    assert [line.level for line in copy().log] == ["warning"]
    assert skipping not in copy("--quiet").out


def test_the_digest_file_holds_the_digest_without_a_new_line(tmp_path: Path) -> None:
    file = tmp_path / "digest"
    assert copy(f"--digestfile={file}").code == 0
    assert file.read_bytes() == str(MANIFEST).encode()


def test_a_digest_file_that_cannot_be_written_fails_before_the_copy(
    library: FakeLibrary, tmp_path: Path
) -> None:
    file = tmp_path / "missing" / "digest"
    ended = copy(f"--digestfile={file}")
    assert (ended.code, library.names) == (1, ("", ""))
    assert ended.fatal == (
        f'Failed to write digest to file "{file}": open {file}: no such file or directory'
    )


def test_a_dry_run_tells_what_would_be_done(library: FakeLibrary) -> None:
    ended = copy("--dry-run")
    assert library.dry
    assert ended.out.splitlines() == [
        f"Source digest       {MANIFEST}",
        "Destination digest  not known before the copy",
        f"Images              {MANIFEST}  linux/amd64",
        "To copy             1 blob, 2.0 KiB",
        "There already       2 blobs, 5 B",
        "Requests            about 9",
        "Nothing was written: this was a dry run.",
    ]


def test_temporary_files_go_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def fake(*_: object, **given: object) -> CopyResult:
        environment = given["environment"]
        seen.append(environment.get("TMPDIR"))  # type: ignore[attr-defined]
        return CopyResult(MANIFEST, MANIFEST, ())

    monkeypatch.setattr(api, "copy", fake)
    assert copy("--tmpdir=/big").code == 0
    assert seen == ["/big"]
