"""So many signatures, or so large ones, that they are an attack."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.errors import LimitExceeded
from regcopy.model.digest import Digest
from regcopy.testing.samples import single_image, write_dir
from regcopy.trust.evaluation import Candidate, Verifier
from regcopy.trust.policy_file import parse_policy
from regcopy.trust.signatures import MAX_SIGNATURES, SimpleSignature
from tests.command_line import run_cli
from tests.signature_vectors import NAME
from tests.signing import GpgHome, encode, exact_reference, signed_by, write_policy


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with GpgHome() as made:
        made.make_key("good")
        yield made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write_dir(single_image(), tmp_path / "image")
    return tmp_path / "image"


def copied(folder: Path, home: GpgHome, policy: Path) -> str:
    """Copy under a policy, which must fail; gives the message."""
    ended = run_cli(
        "--policy",
        str(policy),
        "copy",
        f"dir:{folder / 'image'}",
        f"dir:{folder / 'copy'}",
        variables=home.variables,
    )
    assert (ended.code, (folder / "copy").exists()) == (1, False)
    return ended.fatal


@pytest.mark.parametrize("demands", [True, False])
def test_a_hundred_thousand_signatures_are_not_read(
    image: Path, tmp_path: Path, home: GpgHome, demands: bool
) -> None:
    for number in range(1, 100_001):
        (image / f"signature-{number}").symlink_to("missing")
    for number in range(1, MAX_SIGNATURES + 2):
        (image / f"signature-{number}").unlink()
        (image / f"signature-{number}").write_bytes(b"\xa3x")
    good = signed_by(home.export("good"), exact_reference(NAME))
    policy = write_policy(tmp_path / "policy.json", good if demands else "accept")
    assert "more than 128 signatures" in copied(tmp_path, home, policy)


def test_a_signature_of_a_gigabyte_is_not_held(image: Path, tmp_path: Path, home: GpgHome) -> None:
    with (image / "signature-1").open("wb") as file:
        file.truncate(1024**3)
    policy = write_policy(tmp_path / "policy.json", signed_by(home.export("good")))
    tracemalloc.start()
    try:
        assert "over the limit of 4194304 bytes" in copied(tmp_path, home, policy)
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_checking_has_a_time_limit_for_all_signatures_together(
    home: GpgHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = Digest.of(b"manifest")
    signatures = [SimpleSignature(b"\xa3x")] * MAX_SIGNATURES
    candidate = Candidate("an image", None, digest, lambda: b"manifest", lambda: signatures)
    policy = parse_policy(encode({"default": [signed_by(home.export("good"))]}))
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr("regcopy.trust.gpg.TrustedKeys", _Refusing)
    with (
        Verifier(home.environment, seconds=300) as verifier,
        pytest.raises(LimitExceeded, match="within 300 seconds"),
    ):
        verifier.check(policy.default, candidate)


class _Refusing:
    """Keys that accept nothing, at once."""

    fingerprints = frozenset({"A" * 40})

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def verify(self, _message: bytes) -> None:
        raise LimitExceeded("no")

    def __enter__(self) -> _Refusing:
        return self

    def __exit__(self, *_: object) -> None:
        pass
