"""No blob passes that an accepted manifest does not name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from regcopy.config.environment import Environment
from regcopy.errors import ConfigurationError, LimitExceeded, PolicyRejected
from regcopy.model.manifest import ImageManifest, RawManifest, parse_manifest
from regcopy.testing.memory import MemoryReference, MemorySource, MemoryStore
from regcopy.testing.samples import multi_platform_image, single_image
from regcopy.trust.gate import TrustedSource
from regcopy.trust.options import Trust, TrustOptions, accept_anything, load_trust
from regcopy.trust.policy import Policy, Reject, Requirement
from regcopy.trust.requirements import SignedBaseLayer
from regcopy.trust.signatures import MAX_SIGNATURE_BYTES
from regcopy.trust.store import SourceSignatures
from tests.contexts import make_context
from tests.signature_vectors import NAME, Keys
from tests.signing import exact_reference, signed_by, write_policy

IMAGE = single_image()


def parsed_image(raw: RawManifest) -> ImageManifest:
    """Parse the manifest of an image."""
    parsed = parse_manifest(raw)
    assert isinstance(parsed, ImageManifest)
    return parsed


MANIFEST = parsed_image(IMAGE.top)
LAYER = MANIFEST.layers[0]


@pytest.fixture
def image() -> MemoryReference:
    return MemoryStore().add(IMAGE, "app")


def opened(image: MemoryReference, trust: Trust) -> TrustedSource:
    source = image.open_source(make_context())
    return TrustedSource(image, source, make_context(), trust)


def trust(*requirements: Requirement) -> Trust:
    return Trust(Policy(requirements))


def test_a_blob_of_a_manifest_that_was_not_checked_stays_where_it_is(
    image: MemoryReference,
) -> None:
    source = opened(image, accept_anything())
    with pytest.raises(PolicyRejected, match="no manifest that the trust policy accepted"):
        source.open_blob(LAYER)
    assert image.store.called("open_blob") == []


def test_a_blob_of_an_accepted_manifest_passes(image: MemoryReference) -> None:
    source = opened(image, accept_anything())
    source.accept(source.get_manifest(), MANIFEST, is_top=True)
    assert source.open_blob(LAYER).read()


def test_a_manifest_that_is_rejected_opens_nothing(image: MemoryReference) -> None:
    source = opened(image, trust(Reject()))
    with pytest.raises(PolicyRejected):
        source.accept(source.get_manifest(), MANIFEST, is_top=True)
    with pytest.raises(PolicyRejected):
        source.open_blob(LAYER)


def test_an_accepted_index_opens_what_it_names_and_nothing_else() -> None:
    index = multi_platform_image()
    image = MemoryStore().add(index, "app")
    source = opened(image, accept_anything())
    child = index.children[0]
    parsed = parsed_image(child)
    with pytest.raises(PolicyRejected, match="no index that the trust policy accepted"):
        source.accept_named(child, parsed, index.top)
    source.check(index.top.digest, lambda: index.top.content, is_top=True)
    with pytest.raises(PolicyRejected, match="no index that the trust policy accepted"):
        source.accept_named(IMAGE.top, MANIFEST, index.top)
    source.accept_named(child, parsed, index.top)
    assert source.open_blob(parsed.layers[0]).read()


def test_a_check_alone_opens_nothing(image: MemoryReference) -> None:
    source = opened(image, accept_anything())
    source.check(IMAGE.digest, lambda: IMAGE.top.content, is_top=True)
    with pytest.raises(PolicyRejected):
        source.open_blob(LAYER)


def test_required_signatures_take_the_word_anything_out_of_the_policy(
    image: MemoryReference,
) -> None:
    strict = Trust(accept_anything().policy, require_signed=True)
    source = opened(image, strict)
    assert source.demands_something
    with pytest.raises(PolicyRejected, match="must not be empty"):
        source.check(IMAGE.digest, lambda: IMAGE.top.content, is_top=True)


def test_whether_a_policy_demands_something(image: MemoryReference) -> None:
    assert not opened(image, accept_anything()).demands_something
    assert opened(image, trust(SignedBaseLayer())).demands_something


def test_leaving_it_closes_the_source(image: MemoryReference) -> None:
    with opened(image, accept_anything()) as source:
        assert source.max_parallel == 8
    assert image.store.called("close") == ["MemorySource"]


class Signed(MemorySource):
    """A source whose place keeps signatures."""

    def __init__(self, image: MemoryReference, *stored: bytes) -> None:
        super().__init__(image, make_context())
        self.stored = stored
        self.asked = 0

    def get_signatures(self, _instance: object = None, /) -> Iterator[bytes]:
        self.asked += 1
        yield from self.stored


def test_signatures_are_read_once(image: MemoryReference) -> None:
    source = Signed(image, b"\xa3x")
    signatures = SourceSignatures(image, source, make_context(), accept_anything())
    first = signatures.of(IMAGE.digest, is_top=True)
    assert signatures.of(IMAGE.digest, is_top=True) == first
    assert (len(first), source.asked) == (1, 1)


def test_many_images_must_not_have_too_many_signatures_together(image: MemoryReference) -> None:
    source = Signed(image, *[b"\xa3" + b"x" * (MAX_SIGNATURE_BYTES - 1)] * 4)
    signatures = SourceSignatures(image, source, make_context(), accept_anything())
    for child in (IMAGE.digest, LAYER.digest):
        signatures.of(child, is_top=False)
    assert MANIFEST.config is not None
    with pytest.raises(LimitExceeded, match="all images"):
        signatures.of(MANIFEST.config.digest, is_top=False)


def test_a_policy_file_is_followed(image: MemoryReference, tmp_path: Path, gpg_keys: Keys) -> None:
    requirement = signed_by(gpg_keys.home.export("good"), exact_reference(NAME))
    path = write_policy(tmp_path / "policy.json", requirement)
    strict = load_trust(TrustOptions(str(path)), gpg_keys.home.environment)
    for name, accepted in (("good", True), ("evil", False)):
        signed = Signed(image, gpg_keys.sign(gpg_keys.claim(), name))
        with TrustedSource(image, signed, make_context(), strict) as source:
            if accepted:
                source.accept(IMAGE.top, MANIFEST, is_top=True)
                continue
            with pytest.raises(PolicyRejected, match="not trusted"):
                source.accept(IMAGE.top, MANIFEST, is_top=True)


def test_keys_that_cannot_be_read_are_an_error_and_no_pass(
    image: MemoryReference, tmp_path: Path, gpg_keys: Keys
) -> None:
    path = write_policy(tmp_path / "policy.json", signed_by(tmp_path / "gone.gpg"))
    strict = load_trust(TrustOptions(str(path)), gpg_keys.home.environment)
    signed = Signed(image, gpg_keys.sign(gpg_keys.claim()))
    with (
        TrustedSource(image, signed, make_context(), strict) as source,
        pytest.raises(ConfigurationError, match=r"gone\.gpg: no such file"),
    ):
        source.check(IMAGE.digest, lambda: IMAGE.top.content, is_top=True)


def test_an_unknown_kind_of_requirement_accepts_nothing(image: MemoryReference) -> None:
    unknown = Trust(Policy((object(),)))  # type: ignore[arg-type]
    with pytest.raises(PolicyRejected, match="unknown kind"):
        opened(image, unknown).check(IMAGE.digest, lambda: b"", is_top=True)


def test_no_policy_file_accepts_everything_and_one_says_so(
    image: MemoryReference, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regcopy.trust.options.find_policy", lambda _: None)
    caplog.set_level("DEBUG", "regcopy.trust")
    assert not opened(image, load_trust(TrustOptions(), Environment())).demands_something
    assert "there is no trust policy: unsigned images are accepted" in caplog.text
