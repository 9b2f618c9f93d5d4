"""The engine, a trust policy, and signatures that travel or are made on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from regcopy.copying.dry_run import dry_run
from regcopy.copying.engine import copy_image
from regcopy.copying.options import CopyOptions, Instances
from regcopy.copying.places import CopyJob
from regcopy.copying.tally import Tally
from regcopy.errors import ManifestUnsupported, PolicyRejected, UsageError
from regcopy.events import CopyStarted, ManifestWritten, Observer, Silent
from regcopy.model.digest import Digest
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image, write_dir
from regcopy.transports import parse_reference
from regcopy.transports.base import ImageReference
from regcopy.trust.options import Trust, accept_anything
from regcopy.trust.policy import Policy, Reject
from regcopy.trust.signatures import Signature, SimpleSignature
from tests.contexts import Recorder, make_context

OLD, OTHER = b"\xa3old", b"\xa3other"


@dataclass
class Folders:
    """Copies from folder to folder."""

    root: Path
    trust: Trust = field(default_factory=accept_anything)

    def add(self, image: SampleImage, *signatures: bytes, child: Digest | None = None) -> None:
        write_dir(image, self.root / "source")
        prefix = f"{child.hex}." if child else ""
        for number, content in enumerate(signatures, 1):
            (self.root / "source" / f"{prefix}signature-{number}").write_bytes(content)

    def job(self, options: CopyOptions | None = None, to: str = "dir:{}/copy") -> CopyJob:
        return CopyJob(
            parse_reference(f"dir:{self.root / 'source'}"),
            parse_reference(to.format(self.root)),
            make_context("source"),
            make_context("destination"),
            options or CopyOptions(),
            self.trust,
        )

    def copy(
        self,
        options: CopyOptions | None = None,
        to: str = "dir:{}/copy",
        observer: Observer | None = None,
    ) -> None:
        copy_image(self.job(options, to), Tally(observer or Silent()))

    @property
    def signatures(self) -> dict[str, bytes]:
        """What lies in the copy, with the digests left out of the names."""
        return {
            path.name.rpartition(".")[2]: path.read_bytes()
            for path in (self.root / "copy").glob("*signature-*")
        }


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


@dataclass(frozen=True)
class PlayedSigner:
    """Signs by a text."""

    text: bytes = b"\xa3new"

    def check(self, image: ImageReference, /) -> None:
        if "unnamed" in str(image):
            raise UsageError("no name")

    def sign(self, digest: Digest, _image: ImageReference, /) -> Signature:
        return SimpleSignature(self.text + digest.hex.encode())


def test_signatures_travel_with_an_image(folders: Folders) -> None:
    folders.add(single_image(), OLD, OTHER)
    folders.copy()
    assert folders.signatures == {"signature-1": OLD, "signature-2": OTHER}


def test_what_becomes_of_signatures_is_told(folders: Folders) -> None:
    image, recorder = single_image(), Recorder()
    folders.add(image, OLD, OTHER)
    folders.copy(CopyOptions(signers=(PlayedSigner(),)), observer=recorder)
    [started] = [event for event in recorder.events if isinstance(event, CopyStarted)]
    assert started.signed == {image.digest}
    assert recorder.events[-1] == ManifestWritten(image.digest, True, 3, ("simple",))


def test_signatures_stay_behind_where_that_is_wished(folders: Folders) -> None:
    folders.add(single_image(), OLD)
    folders.copy(CopyOptions(remove_signatures=True))
    assert folders.signatures == {}


def test_an_image_that_is_there_gets_its_signatures_all_the_same(folders: Folders) -> None:
    folders.add(single_image())
    folders.copy()
    folders.add(single_image(), OLD)
    folders.copy()
    assert folders.signatures == {"signature-1": OLD}


def test_a_child_that_is_there_gets_its_signatures_all_the_same(folders: Folders) -> None:
    image = multi_platform_image()
    everything = CopyOptions(instances=Instances("all"))
    folders.add(image)
    folders.copy(everything)
    folders.add(image, OLD, child=image.children[2].digest)
    folders.copy(everything)
    assert folders.signatures == {"signature-1": OLD}


def test_signatures_of_an_older_image_go_with_it(folders: Folders) -> None:
    folders.add(single_image(), OLD, OTHER)
    folders.copy()
    (folders.root / "source" / "signature-1").unlink()
    folders.add(single_image(seed="newer"))
    folders.copy()
    assert folders.signatures == {}


def test_the_image_of_an_index_has_its_own_signatures(folders: Folders) -> None:
    image = multi_platform_image()
    folders.add(image, OTHER)
    folders.add(image, OLD, child=image.children[0].digest)
    folders.copy(CopyOptions())
    assert folders.signatures == {"signature-1": OLD}


def test_a_place_that_keeps_none_is_told_before_anything_is_written(folders: Folders) -> None:
    folders.add(single_image(), OLD)
    with pytest.raises(UsageError) as caught:
        folders.copy(to="oci:{}/layout:t")
    assert caught.value.message == (
        f"Can not copy signatures to oci:{folders.root}/layout:t: "
        "Pushing signatures for OCI images is not supported"
    )
    assert "--remove-signatures" in caught.value.hint
    assert not (folders.root / "layout").exists()


def test_what_is_signed_is_not_changed(folders: Folders) -> None:
    folders.add(single_image(family="v2s2"), OLD)
    with pytest.raises(ManifestUnsupported) as caught:
        folders.copy(CopyOptions(format="oci"))
    assert "--remove-signatures" in caught.value.hint
    folders.copy(CopyOptions(format="oci", remove_signatures=True))
    assert folders.signatures == {}


def test_signatures_that_are_made_come_after_those_that_are_there(folders: Folders) -> None:
    image = single_image()
    folders.add(image, OLD)
    folders.copy(CopyOptions(signers=(PlayedSigner(),)))
    made = b"\xa3new" + image.digest.hex.encode()
    assert folders.signatures == {"signature-1": OLD, "signature-2": made}


def test_what_is_written_is_signed_and_not_what_was_read(folders: Folders) -> None:
    folders.add(single_image(family="v2s2"))
    folders.copy(CopyOptions(format="oci", signers=(PlayedSigner(b"\xa3"),)))
    written = Digest.of((folders.root / "copy" / "manifest.json").read_bytes())
    assert folders.signatures == {"signature-1": b"\xa3" + written.hex.encode()}


def test_who_cannot_sign_says_so_before_anything_is_written(folders: Folders) -> None:
    folders.add(single_image())
    with pytest.raises(UsageError, match="no name"):
        folders.copy(CopyOptions(signers=(PlayedSigner(),)), to="dir:{}/unnamed")
    assert not (folders.root / "unnamed").exists()


def test_a_dry_run_signs_nothing_and_asks_the_policy(folders: Folders) -> None:
    folders.add(single_image())
    dry_run(folders.job(CopyOptions(signers=(PlayedSigner(),))))
    assert not (folders.root / "copy").exists()
    folders.trust = Trust(Policy((Reject(),)))
    with pytest.raises(PolicyRejected):
        dry_run(folders.job())


@pytest.mark.parametrize(
    "instances", [Instances(), Instances("all"), Instances("index-only")], ids=lambda i: i.kind
)
def test_a_rejected_index_is_not_touched(folders: Folders, instances: Instances) -> None:
    folders.add(multi_platform_image())
    folders.trust = Trust(Policy((Reject(),)))
    with pytest.raises(PolicyRejected) as caught:
        folders.copy(CopyOptions(instances=instances))
    assert caught.value.side == "source"
    assert not (folders.root / "copy").exists()


def test_the_error_names_the_image_of_the_index(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = multi_platform_image()
    folders.add(image)
    rejected = image.children[1].digest

    def check(_verifier: object, _requirements: object, candidate: object) -> None:
        if getattr(candidate, "digest", None) == rejected:
            raise PolicyRejected("no")

    monkeypatch.setattr("regcopy.trust.evaluation.Verifier.check", check)
    with pytest.raises(PolicyRejected) as caught:
        folders.copy(CopyOptions(instances=Instances("all")))
    assert caught.value.operation == f"{rejected} of the index"
    assert not (folders.root / "copy").exists()
