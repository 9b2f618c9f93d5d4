"""The transport `sif`, with a program that stands in for sqfs2tar."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import (
    Cancelled,
    ContentError,
    InvalidReference,
    LimitExceeded,
    NotFound,
    RegcopyError,
    StorageFailed,
    TransportUnavailable,
    UsageError,
)
from regcopy.model.manifest import ImageManifest, parse_manifest
from regcopy.testing.place import read_whole
from regcopy.transports import parse_reference
from regcopy.transports.base import Context, ImageSource
from regcopy.transports.sif import TRANSPORT, SifReference
from tests.contexts import make_context
from tests.docker_archives import tar_of
from tests.sif_files import (
    CREATED,
    DEFINITION,
    ENCRYPTED_SQUASHFS,
    EXT3,
    HEADER_BYTES,
    IMAGE_ID,
    OCI_ROOT_INDEX,
    SYSTEM,
    Part,
    install,
    sif_of,
)

# What the stand-in takes for a squashfs: it gives it back as it is.
TAR = tar_of({"bin/sh": b"#!" * 100_000})
IMAGE = [Part(b"Bootstrap: docker", DEFINITION), Part(TAR)]

Open = Callable[[bytes], ImageSource]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A PATH with a program that gives what it is given."""
    path = install(tmp_path / "bin", 'for last; do :; done; exec cat "$last"')
    return replace(make_context(), environment=Environment({"PATH": path}))


@pytest.fixture
def open_sif(tmp_path: Path, context: Context) -> Open:
    """Write a file and open it; a test closes it."""

    def open_it(content: bytes) -> ImageSource:
        (tmp_path / "a.sif").write_bytes(content)
        return parse_reference(f"sif:{tmp_path}/a.sif").open_source(context)

    return open_it


def read_config(source: ImageSource) -> dict[str, object]:
    """Give the config of the image."""
    parsed = parse_manifest(source.get_manifest())
    assert isinstance(parsed, ImageManifest)
    assert parsed.config is not None
    loaded = json.loads(read_whole(source.open_blob(parsed.config)))
    assert isinstance(loaded, dict)
    return loaded


def test_the_root_file_system_is_the_one_layer(open_sif: Open) -> None:
    with open_sif(sif_of(IMAGE)) as source:
        parsed = parse_manifest(source.get_manifest())
        assert isinstance(parsed, ImageManifest)
        assert [read_whole(source.open_blob(layer)) for layer in parsed.layers] == [TAR]


def test_the_config_says_where_the_image_is_from(open_sif: Open) -> None:
    with open_sif(sif_of(IMAGE)) as source:
        config = read_config(source)

    assert config["created"] == "2020-01-02T03:04:05Z"
    assert str(config["history"]).count(f"imported from SIF, uuid: {IMAGE_ID}") == 1
    assert CREATED == 1577934245


@pytest.mark.parametrize(
    ("own", "whole", "architecture"),
    [
        (b"04", b"02", "arm64"),
        (b"11", b"02", "s390x"),
        (b"06", b"02", "ppc64le"),
        (b"", b"02", "amd64"),
        (b"99", b"02", "unknown"),
    ],
)
def test_the_architecture_is_that_of_the_partition(
    open_sif: Open, own: bytes, whole: bytes, architecture: str
) -> None:
    with open_sif(sif_of([Part(TAR, architecture=own)], architecture=whole)) as source:
        assert read_config(source)["architecture"] == architecture


def test_only_the_primary_system_is_taken(open_sif: Open) -> None:
    parts = [Part(b"data", purpose=SYSTEM), Part(b"old", used=False), Part(TAR), Part(b"later")]

    with open_sif(sif_of(parts)) as source:
        parsed = parse_manifest(source.get_manifest())
        assert isinstance(parsed, ImageManifest)
        assert parsed.layers[0].size == len(TAR)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no SIF file"),
        (b"#!/bin/sh\n" * 100, "is no SIF file"),
        (sif_of(IMAGE)[: HEADER_BYTES - 1], "is no SIF file"),
        (sif_of(IMAGE)[: HEADER_BYTES + 1], "is cut off: its descriptors"),
        (sif_of(IMAGE, count=4000), "is cut off"),
        (sif_of(IMAGE)[:-1], "is cut off: its root file system"),
        (sif_of([]), "has no root file system"),
        (sif_of([Part(TAR, purpose=SYSTEM)]), "has no root file system"),
        (sif_of([Part(TAR, file_system=EXT3)]), "has ext3, and only a plain squashfs"),
        (sif_of([Part(TAR, file_system=ENCRYPTED_SQUASHFS)]), "has an encrypted squashfs"),
        (sif_of([Part(TAR, file_system=77)]), "has an unknown file system"),
        (sif_of([Part(b"{}", OCI_ROOT_INDEX)]), "no root file system, but an OCI image"),
    ],
)
def test_what_holds_no_readable_image_is_refused(
    open_sif: Open, content: bytes, message: str
) -> None:
    with pytest.raises(ContentError, match=message):
        open_sif(content)


@pytest.mark.parametrize("count", [-1, 4097, 2**62])
def test_a_table_of_any_size_is_not_read(open_sif: Open, count: int) -> None:
    with pytest.raises(LimitExceeded, match="descriptors"):
        open_sif(sif_of(IMAGE, count=count))


@pytest.mark.parametrize("place", range(HEADER_BYTES, HEADER_BYTES + 60))
def test_a_changed_byte_in_a_descriptor_is_an_error_or_harmless(open_sif: Open, place: int) -> None:
    content = bytearray(sif_of([Part(TAR)]))
    content[place] ^= 0xFF

    shown: list[str] = []
    try:
        open_sif(bytes(content)).close()
    except RegcopyError as error:
        shown = str(error).splitlines()

    assert len(shown) <= 1


def test_a_missing_program_is_named_with_what_to_install(open_sif: Open, tmp_path: Path) -> None:
    (tmp_path / "bin" / "sqfs2tar").unlink()
    install(tmp_path / "elsewhere", "exit 0")
    os.chmod(tmp_path / "elsewhere" / "sqfs2tar", 0o644)

    with pytest.raises(TransportUnavailable, match="sqfs2tar is needed") as caught:
        SifReference(str(written(tmp_path))).open_source(
            replace(
                make_context(),
                environment=Environment({"PATH": f":.:{tmp_path}/bin:{tmp_path}/elsewhere"}),
            )
        )

    assert "squashfs-tools-ng" in caught.value.hint
    assert "tarball:" in caught.value.hint


def written(folder: Path) -> Path:
    """Write a good file."""
    (folder / "good.sif").write_bytes(sif_of(IMAGE))
    return folder / "good.sif"


def test_what_the_program_says_is_shown_in_one_line(open_sif: Open, tmp_path: Path) -> None:
    install(tmp_path / "bin", "echo 'bad super\nblock\x1b[31m' >&2; exit 3")

    with pytest.raises(ContentError) as caught:
        open_sif(sif_of(IMAGE))

    assert "sqfs2tar ended with 3: bad super" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_program_that_gives_no_tar_file_is_noticed(open_sif: Open, tmp_path: Path) -> None:
    install(tmp_path / "bin", "echo hello")

    with pytest.raises(ContentError, match=r"root file system of .* is no tar file"):
        open_sif(sif_of(IMAGE))


def test_a_program_that_cannot_be_started_is_named(open_sif: Open, tmp_path: Path) -> None:
    (tmp_path / "bin" / "sqfs2tar").write_text("no program\n")

    with pytest.raises(StorageFailed, match=r"starting .*sqfs2tar"):
        open_sif(sif_of(IMAGE))


def test_a_cancelled_run_ends_the_program(context: Context, tmp_path: Path) -> None:
    started, never = tmp_path / "started", tmp_path / "never"
    os.mkfifo(started)
    os.mkfifo(never)
    install(tmp_path / "bin", f"echo > {started}; exec cat {never}")
    stopped = replace(context, cancelled=threading.Event())

    def cancel() -> None:
        started.read_bytes()
        stopped.cancelled.set()

    threading.Thread(target=cancel, daemon=True).start()
    with pytest.raises(Cancelled):
        SifReference(str(written(tmp_path))).open_source(stopped)


def test_the_program_sees_no_variables_of_ours(context: Context, tmp_path: Path) -> None:
    install(tmp_path / "bin", f"env > {tmp_path}/seen; exit 1")
    variables = {**context.environment.variables, "REGISTRY_PASSWORD": "secret"}

    with pytest.raises(ContentError):
        SifReference(str(written(tmp_path))).open_source(
            replace(context, environment=Environment(variables))
        )

    assert "secret" not in (tmp_path / "seen").read_text()


def test_nothing_is_left_in_the_temporary_folder(context: Context, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    variables = {**context.environment.variables, "TMPDIR": str(spool)}
    there = replace(context, environment=Environment(variables))

    with SifReference(str(written(tmp_path))).open_source(there):
        assert list(spool.iterdir()) == []


def test_a_missing_file_is_not_found(context: Context, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        SifReference(str(tmp_path / "nothing.sif")).open_source(context)


def test_a_pipe_is_no_place_for_one(context: Context, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StorageFailed, match="no regular file"):
        SifReference(str(tmp_path / "pipe")).open_source(context)


def test_it_is_only_read_from() -> None:
    with pytest.raises(UsageError, match="can only be read from, not written to"):
        parse_reference("sif:a.sif").open_destination(make_context("destination"))


@pytest.mark.parametrize("text", ["", "a\0"])
def test_a_file_has_a_name(text: str) -> None:
    with pytest.raises(InvalidReference):
        TRANSPORT.parse(text)


def test_a_reference_prints_as_it_was_written(tmp_path: Path) -> None:
    assert str(parse_reference("sif:a:b.sif")) == "sif:a:b.sif"
    reference = parse_reference(f"sif:{tmp_path}/a.sif")
    assert reference.policy_identity == os.path.realpath(tmp_path / "a.sif")
    assert next(iter(reference.policy_namespaces)) == os.path.realpath(tmp_path)
