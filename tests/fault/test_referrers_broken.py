"""Lists of referrers that do not end, lead elsewhere or lie, and registries that lose them."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from regcopy.copying import referrers as module
from regcopy.copying.engine import copy_image
from regcopy.copying.options import CopyOptions
from regcopy.copying.places import CopyJob
from regcopy.copying.result import CopyResult
from regcopy.copying.tally import Tally
from regcopy.errors import (
    ContentError,
    LimitExceeded,
    ManifestInvalid,
    PolicyRejected,
    Refused,
    RegcopyError,
    ServerFault,
    UsageError,
)
from regcopy.events import Silent
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import RawManifest
from regcopy.model.mediatypes import OCI_MANIFEST
from regcopy.testing.samples import SampleImage, single_image
from regcopy.transports.base import Context
from regcopy.transports.docker import referrers as lists
from regcopy.trust.options import accept_anything
from regcopy.trust.policy_file import parse_policy
from tests.docker_tools import open_destination, open_source, reference
from tests.fake_registry import Exchange, FakeRegistry, Fault
from tests.faults import refuse, reply
from tests.referrers import entry_of, index_of, referrer, tag_of

IMAGE = single_image()
LIST = f"/v2/a/b/referrers/{IMAGE.digest}"
NOTES = [referrer(IMAGE.top, f"note{n}") for n in range(3)]
FOUND = [Descriptor(OCI_MANIFEST, note.digest, note.top.size) for note in NOTES]


def page(*artifacts: SampleImage, following: str = "") -> Fault:
    """Answer with a page of referrers, and a link to the next."""
    index = index_of([entry_of(artifact) for artifact in artifacts])
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return reply(200, index.content, headers)


def listed(fake: FakeRegistry, context: Context) -> list[Digest]:
    with open_source(fake.host, "a/b", context) as source:
        return [entry.digest for entry in source.list_referrers(IMAGE.digest)]


def test_pages_are_followed_to_the_last(fake: FakeRegistry, source_context: Context) -> None:
    first, second, third = NOTES
    following = f"http://{fake.host}{LIST}?n=2"
    fake.on("GET", LIST, page(first, following=f"{LIST}?n=1"), page(first, second))
    assert listed(fake, source_context) == [first.digest, second.digest]
    fake.on("GET", LIST, page(first, following=following), page(third))
    assert listed(fake, source_context) == [first.digest, third.digest]


@pytest.mark.parametrize("elsewhere", ["http://elsewhere.example/", "https://127.0.0.1:1/v2/"])
def test_a_page_on_another_server_is_not_asked_for(
    fake: FakeRegistry, source_context: Context, elsewhere: str
) -> None:
    fake.on("GET", LIST, page(NOTES[0], following=elsewhere))
    with pytest.raises(Refused, match="list of referrers is said to be on another server"):
        listed(fake, source_context)


def test_a_list_that_points_to_itself_is_refused(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", LIST, page(NOTES[0], following=LIST), forever=True)
    with pytest.raises(Refused, match="does not end"):
        listed(fake, source_context)
    assert len(fake.seen) == 1


def test_pages_without_end_are_refused(
    fake: FakeRegistry, source_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MAX_PAGES", 5)
    numbers = itertools.count()

    def endless(exchange: Exchange) -> bool:
        return page(NOTES[0], following=f"{LIST}?n={next(numbers)}")(exchange)

    fake.on("GET", LIST, endless, forever=True)
    with pytest.raises(Refused, match="does not end"):
        listed(fake, source_context)
    assert len(fake.seen) == 5


def test_more_referrers_than_an_index_can_hold_are_refused(
    fake: FakeRegistry, source_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MAX_INDEX_ENTRIES", 2)
    fake.on("GET", LIST, page(*NOTES[:2], following=f"{LIST}?n=1"), page(NOTES[2]))
    with pytest.raises(LimitExceeded, match="more than 2 referrers"):
        listed(fake, source_context)


def test_a_list_that_breaks_off_is_not_taken_for_the_whole(
    fake: FakeRegistry, source_context: Context
) -> None:
    fake.on("GET", LIST, page(NOTES[0], following=f"{LIST}?n=1"), refuse(404))
    with pytest.raises(Refused, match="breaks off"):
        listed(fake, source_context)


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_registry_without_the_request_is_asked_for_the_tag(
    fake: FakeRegistry, source_context: Context, status: int
) -> None:
    fake.on("GET", LIST, refuse(status))
    fake.manifests["a/b", tag_of(IMAGE.digest)] = index_of([entry_of(NOTES[0])])
    assert listed(fake, source_context) == [NOTES[0].digest]


def test_a_list_that_is_late_is_waited_for(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("GET", LIST, page(), page(NOTES[0]), page(*NOTES))
    with open_destination(fake.host, "a/b", destination_context) as destination:
        destination.keep_referrers(IMAGE.digest, FOUND)
    assert fake.counts() == {"GET": 3}


def test_a_registry_that_does_not_list_what_it_took_is_told(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("GET", LIST, page(*NOTES[:2]), forever=True)
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        pytest.raises(Refused, match=f"does not list {NOTES[2].digest}"),
    ):
        destination.keep_referrers(IMAGE.digest, FOUND)


def test_what_another_program_overwrites_is_added_again(
    fake: FakeRegistry, destination_context: Context
) -> None:
    tag = tag_of(IMAGE.digest)

    def overwritten(exchange: Exchange) -> bool:
        exchange.go_on()
        fake.manifests["a/b", tag] = index_of([entry_of(NOTES[0])])
        return True

    fake.on("PUT", tag, overwritten)
    with open_destination(fake.host, "a/b", destination_context) as destination:
        destination.keep_referrers(IMAGE.digest, FOUND[1:])
    kept = json.loads(fake.manifests["a/b", tag].content)["manifests"]
    assert [entry["digest"] for entry in kept] == [str(note.digest) for note in NOTES]


def test_an_index_that_is_not_kept_is_told(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.on("PUT", "sha256-", reply(201), forever=True)
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        pytest.raises(Refused, match="does not keep what is written"),
    ):
        destination.keep_referrers(IMAGE.digest, FOUND)


def test_an_image_under_the_tag_of_the_index_is_left_alone(
    fake: FakeRegistry, destination_context: Context
) -> None:
    fake.hold(IMAGE, "a/b", tag_of(IMAGE.digest))
    with (
        open_destination(fake.host, "a/b", destination_context) as destination,
        pytest.raises(ManifestInvalid),
    ):
        destination.keep_referrers(IMAGE.digest, FOUND)
    assert not fake.asked("PUT")


class Copying:
    """Copies of the image from a/b to c/d of one registry."""

    def __init__(self, fake: FakeRegistry, contexts: tuple[Context, Context]) -> None:
        fake.hold(IMAGE, "a/b", "1")
        self.fake = fake
        self.job = CopyJob(
            reference(fake.host, "a/b"),
            reference(fake.host, "c/d"),
            *contexts,
            CopyOptions(referrers=True),
            accept_anything(),
        )

    def refer(self, subject: RawManifest, *artifacts: SampleImage) -> None:
        """Have artifacts about a manifest."""
        for artifact in artifacts:
            self.fake.hold(artifact, "a/b", str(artifact.digest))
        index = index_of([entry_of(artifact) for artifact in artifacts])
        self.fake.manifests["a/b", tag_of(subject.digest)] = index

    def run(self) -> CopyResult:
        """Copy."""
        return copy_image(self.job, Tally(Silent()))

    def fails(self, kind: type[RegcopyError]) -> RegcopyError:
        """Copy, fail, and find no image at the destination."""
        with pytest.raises(kind) as caught:
            self.run()
        assert ("c/d", "1") not in self.fake.manifests
        return caught.value


@pytest.fixture
def copying(fake: FakeRegistry, source_context: Context, destination_context: Context) -> Copying:
    """A copy within one registry, which does not list referrers."""
    return Copying(fake, (source_context, destination_context))


def test_blobs_of_referrers_are_counted(copying: Copying) -> None:
    copying.refer(IMAGE.top, *NOTES[:2])
    result = copying.run()
    assert (result.referrers, result.already_there) == (2, False)
    # Both have the same empty config; it is mounted for one, and there for the other.
    assert (result.blobs_mounted, result.blobs_reused) == (len(IMAGE.blobs) + 3, 1)
    again = copying.run()
    assert (again.referrers, again.already_there) == (0, True)


def test_manifests_are_there_before_what_refers_to_them_and_the_name_comes_last(
    copying: Copying,
) -> None:
    copying.refer(IMAGE.top, NOTES[0])
    copying.run()
    puts = [entry.path.rpartition("/")[2] for entry in copying.fake.asked("PUT", "/c/d/manifests")]
    wanted = [str(IMAGE.digest), str(NOTES[0].digest), tag_of(IMAGE.digest), "1"]
    assert puts == wanted


def test_an_image_that_is_named_by_its_digest_is_written_last(copying: Copying) -> None:
    copying.refer(IMAGE.top, NOTES[0])
    named = reference(copying.fake.host, "c/d", IMAGE.digest)
    copying.job = replace(copying.job, destination=named)
    copying.run()
    puts = [entry.path.rpartition("/")[2] for entry in copying.fake.asked("PUT", "/c/d/manifests")]
    assert puts == [str(NOTES[0].digest), tag_of(IMAGE.digest), str(IMAGE.digest)]


def test_a_referrer_that_the_destination_refuses_stops_the_copy(copying: Copying) -> None:
    copying.refer(IMAGE.top, NOTES[0])
    copying.fake.on("PUT", f"c/d/manifests/{NOTES[0].digest}", refuse(500), forever=True)
    error = copying.fails(ServerFault)
    assert error.message.startswith(f"referrer {NOTES[0].digest} of {IMAGE.digest}: ")
    assert error.side == "destination"


def test_a_referrer_that_is_not_what_the_list_says_stops_the_copy(copying: Copying) -> None:
    copying.refer(IMAGE.top, NOTES[0])
    copying.fake.manifests["a/b", str(NOTES[0].digest)] = NOTES[1].top
    error = copying.fails(ContentError)
    assert error.message.startswith(f"referrer {NOTES[0].digest} of {IMAGE.digest}: ")
    assert not copying.fake.asked("POST")


def test_a_list_that_cannot_be_read_stops_the_copy_before_anything_moves(copying: Copying) -> None:
    copying.fake.on("GET", LIST, refuse(500), forever=True)
    copying.fails(ServerFault)
    assert not copying.fake.asked("POST")


def test_referrers_of_referrers_have_an_end(copying: Copying) -> None:
    subject = IMAGE.top
    for _ in range(module.MAX_DEPTH + 1):
        artifact = referrer(subject, "deep")
        copying.refer(subject, artifact)
        subject = artifact.top
    assert "levels deep" in copying.fails(LimitExceeded).message


def test_referrers_as_deep_as_may_be_are_copied(copying: Copying) -> None:
    subject = IMAGE.top
    for _ in range(module.MAX_DEPTH):
        artifact = referrer(subject, "deep")
        copying.refer(subject, artifact)
        subject = artifact.top
    assert copying.run().referrers == module.MAX_DEPTH


def test_too_many_referrers_are_refused(copying: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REFERRERS", 2)
    copying.refer(IMAGE.top, *NOTES)
    assert "more than 2 referrers" in copying.fails(LimitExceeded).message
    assert not [entry for entry in copying.fake.asked("GET") if str(NOTES[0].digest) in entry.path]


def test_referrers_of_too_many_bytes_are_refused(
    copying: Copying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TREE_BYTES", NOTES[0].top.size)
    copying.refer(IMAGE.top, *NOTES)
    assert "bytes together" in copying.fails(LimitExceeded).message


def test_a_tag_of_cosign_that_stays_away_costs_one_head_each(copying: Copying) -> None:
    copying.run()
    asked = [entry.path for entry in copying.fake.asked("HEAD", "/v2/a/b/manifests/sha256-")]
    endings = (".sig", ".att", ".sbom")
    assert sorted(asked) == sorted(
        f"/v2/a/b/manifests/{tag_of(IMAGE.digest, one)}" for one in endings
    )


def with_layers(artifact: SampleImage, *layers: dict[str, object]) -> RawManifest:
    document = json.loads(artifact.top.content)
    return RawManifest(json.dumps({**document, "layers": [*layers]}).encode(), OCI_MANIFEST)


def signature(number: int, artifact: SampleImage) -> dict[str, object]:
    """A layer as cosign has it: signatures of one payload differ by an annotation."""
    (layer,) = json.loads(artifact.top.content)["layers"]
    return {**layer, "annotations": {"dev.cosignproject.cosign/signature": str(number)}}


@pytest.mark.parametrize(
    ("there", "stays"), [((1, 2), True), ((2, 1, 3), True), ((2,), False), ((), False)]
)
def test_a_signature_that_somebody_added_to_the_copy_stays(
    copying: Copying, there: tuple[int, ...], stays: bool
) -> None:
    artifact, tag = referrer(None, "signature"), tag_of(IMAGE.digest, ".sig")
    for repository in ("a/b", "c/d"):
        copying.fake.hold(artifact, repository, tag)
    source = with_layers(artifact, signature(1, artifact))
    held = with_layers(artifact, *(signature(number, artifact) for number in there))
    copying.fake.manifests["a/b", tag] = source
    copying.fake.manifests["c/d", tag] = held
    assert copying.run().referrers == (0 if stays else 1)
    assert copying.fake.manifests["c/d", tag] == (held if stays else source)


def test_signatures_cannot_be_left_behind_and_copied(copying: Copying) -> None:
    options = CopyOptions(referrers=True, remove_signatures=True)
    copying.job = replace(copying.job, options=options)
    copying.fails(UsageError)
    assert not copying.fake.seen


def test_the_trust_policy_is_asked_about_referrers_too(copying: Copying) -> None:
    copying.refer(IMAGE.top, NOTES[0])
    host = copying.fake.host
    document = {
        "default": [{"type": "insecureAcceptAnything"}],
        "transports": {"docker": {f"{host}/a/b@{NOTES[0].digest}": [{"type": "reject"}]}},
    }
    policy = parse_policy(json.dumps(document).encode())
    copying.job = replace(copying.job, trust=replace(copying.job.trust, policy=policy))
    error = copying.fails(PolicyRejected)
    assert error.message.startswith(f"referrer {NOTES[0].digest} of {IMAGE.digest}: ")
    assert error.hint == "the trust policy is asked about referrers, too"
