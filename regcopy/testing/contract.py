"""What every transport must do, as tests: the contract of `regcopy.transports.base`.

A test module for a transport needs three lines beside the import: a pytest fixture `place`
that gives a `Place`. All tests of this module then run on it:

    from regcopy.testing.contract import *  # noqa: F403

    @pytest.fixture
    def place(tmp_path):
        return Place(lambda name: parse_reference(f"mine:{tmp_path / name}"))

pytest must be installed to import this module.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from regcopy.auth.keychain import FixedKeychain
from regcopy.config.environment import Environment
from regcopy.errors import (
    ConnectionFailed,
    DigestMismatch,
    NotFound,
    RegcopyError,
    Side,
    SizeMismatch,
)
from regcopy.events import Silent
from regcopy.model.descriptor import Descriptor
from regcopy.model.digest import Digest
from regcopy.model.manifest import ImageIndex, RawManifest, parse_manifest
from regcopy.streams.blob import BlobStream, Readable
from regcopy.testing.samples import SampleImage, multi_platform_image, single_image
from regcopy.transports.base import (
    Context,
    DeletesImages,
    HoldsImages,
    ImageDestination,
    ImageReference,
    ListsTags,
    SideOptions,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tests read and write.

    Attributes:
        reference: gives the reference for a short name; another name is another image, and
            no image is there at first.
        options: what contexts are made with.
    """

    reference: Callable[[str], ImageReference]
    options: SideOptions = field(default_factory=SideOptions)

    @contextmanager
    def context(self, side: Side) -> Iterator[Context]:
        """Make the context of one side."""
        context = Context(side, self.options, FixedKeychain(), Environment.of_process(), Silent())
        try:
            yield context
        finally:
            context.resources.close()

    @contextmanager
    def destination(self, name: str) -> Iterator[ImageDestination]:
        """Open for writing."""
        with (
            self.context("destination") as context,
            self.reference(name).open_destination(context) as destination,
        ):
            yield destination

    def write(self, name: str, image: SampleImage) -> None:
        """Write an image whole."""
        with self.destination(name) as destination:
            put_all(destination, image)
            destination.commit()

    def read_top(self, name: str) -> RawManifest:
        """Read the top manifest."""
        with (
            self.context("source") as context,
            self.reference(name).open_source(context) as source,
        ):
            return source.get_manifest()

    def is_absent(self, name: str) -> bool:
        """Tell whether there is no image of that name."""
        try:
            self.read_top(name)
        except NotFound:
            return True
        return False


def descriptor_of(content: bytes, media_type: str = "application/octet-stream") -> Descriptor:
    """Describe some bytes."""
    return Descriptor(media_type, Digest.of(content), len(content))


def stream_of(content: bytes, expected: Descriptor | None = None) -> BlobStream:
    """Make the stream that an engine would hand over."""
    return BlobStream(
        lambda offset: io.BytesIO(content[offset:]), expected or descriptor_of(content)
    )


def put_all(destination: ImageDestination, image: SampleImage) -> None:
    """Put everything of an image, short of its name."""
    for content in image.blobs.values():
        if not destination.find_blob(descriptor_of(content)):
            with stream_of(content) as stream:
                destination.put_blob(stream)
    for child in image.children:
        destination.put_manifest(child, top=False)
    destination.put_manifest(image.top, top=True)


def blobs_by_descriptor(image: SampleImage) -> Iterator[Descriptor]:
    """Descriptors of all blobs of an image."""
    for raw in image.manifests:
        parsed = parse_manifest(raw)
        if not isinstance(parsed, ImageIndex):
            yield from parsed.blobs


@pytest.fixture(params=["one image", "four platforms"])
def image(request: pytest.FixtureRequest) -> SampleImage:
    """An image to write."""
    return single_image() if request.param == "one image" else multi_platform_image()


def test_an_image_that_is_not_there_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        place.read_top("nothing")


def test_a_manifest_is_read_as_it_was_written(place: Place, image: SampleImage) -> None:
    place.write("app", image)
    assert place.read_top("app") == image.top


def test_children_are_read_by_their_descriptors(place: Place) -> None:
    image = multi_platform_image()
    place.write("app", image)
    with (
        place.context("source") as context,
        place.reference("app").open_source(context) as source,
    ):
        children = [source.get_manifest(child.descriptor()) for child in image.children]
    assert children == list(image.children)


def test_blobs_are_read_as_they_were_written(place: Place, image: SampleImage) -> None:
    place.write("app", image)
    with (
        place.context("source") as context,
        place.reference("app").open_source(context) as source,
    ):
        for blob in blobs_by_descriptor(image):
            raw = source.open_blob(blob)
            try:
                assert read_whole(raw) == image.blobs[blob.digest]
            finally:
                raw.close()


def test_a_blob_is_read_from_an_offset(place: Place) -> None:
    image = single_image()
    place.write("app", image)
    blob = next(blobs_by_descriptor(image))
    with (
        place.context("source") as context,
        place.reference("app").open_source(context) as source,
    ):
        raw = source.open_blob(blob, offset=100)
        try:
            assert read_whole(raw) == image.blobs[blob.digest][100:]
        finally:
            raw.close()


def test_a_blob_that_is_missing_is_not_found(place: Place) -> None:
    place.write("app", single_image())
    with (
        place.context("source") as context,
        place.reference("app").open_source(context) as source,
        pytest.raises(NotFound),
    ):
        raw = source.open_blob(descriptor_of(b"missing"))
        try:
            raw.read(1)
        finally:
            raw.close()


def test_nothing_is_there_before_the_commit(place: Place, image: SampleImage) -> None:
    with place.destination("app") as destination:
        put_all(destination, image)
        assert place.is_absent("app")
        destination.commit()
    assert place.read_top("app").digest == image.digest


def test_leaving_without_a_commit_leaves_no_image(place: Place, image: SampleImage) -> None:
    with place.destination("app") as destination:
        put_all(destination, image)
    assert place.is_absent("app")


def test_a_failure_on_the_way_leaves_no_image(place: Place, image: SampleImage) -> None:
    with pytest.raises(ConnectionFailed), place.destination("app") as destination:
        put_all(destination, image)
        raise ConnectionFailed("the source has gone")
    assert place.is_absent("app")


def test_the_old_image_stays_until_the_commit(place: Place) -> None:
    old, new = single_image(seed="old"), single_image(seed="new")
    place.write("app", old)
    with pytest.raises(ConnectionFailed), place.destination("app") as destination:
        put_all(destination, new)
        raise ConnectionFailed("the source has gone")
    assert place.read_top("app") == old.top


def test_a_new_image_takes_the_name_of_the_old_one(place: Place) -> None:
    new = single_image(seed="new")
    place.write("app", single_image(seed="old"))
    place.write("app", new)
    assert place.read_top("app") == new.top


def test_a_blob_is_found_once_it_was_put(place: Place) -> None:
    content = b"some bytes"
    with place.destination("app") as destination:
        assert not destination.find_blob(descriptor_of(content))
        with stream_of(content) as stream:
            assert destination.put_blob(stream) == descriptor_of(content)
        assert destination.find_blob(descriptor_of(content))


def test_an_empty_blob_can_be_put(place: Place) -> None:
    with place.destination("app") as destination:
        destination.find_blob(descriptor_of(b""))
        with stream_of(b"") as stream:
            assert destination.put_blob(stream).size == 0


def test_a_blob_of_unknown_size_is_measured(place: Place) -> None:
    content = b"0123456789" * 1000
    with place.destination("app") as destination:
        stream = BlobStream(lambda offset: io.BytesIO(content[offset:]), None, media_type="x/y")
        with stream:
            assert destination.put_blob(stream) == descriptor_of(content, "x/y")
        assert destination.find_blob(descriptor_of(content))


def test_a_blob_with_other_bytes_is_refused_and_not_there(place: Place) -> None:
    expected = descriptor_of(b"expected")
    with place.destination("app") as destination:
        destination.find_blob(expected)
        with stream_of(b"tampered", expected) as stream, pytest.raises(DigestMismatch):
            destination.put_blob(stream)
        assert not destination.find_blob(expected)


@pytest.mark.parametrize("content", [b"expecte", b"expected!", b""])
def test_a_blob_of_another_size_is_refused_and_not_there(place: Place, content: bytes) -> None:
    expected = descriptor_of(b"expected")
    with place.destination("app") as destination:
        destination.find_blob(expected)
        # One byte more is seen with the last good byte, or right after it.
        with stream_of(content, expected) as stream, pytest.raises(SizeMismatch):
            destination.put_blob(stream)
        assert not destination.find_blob(expected)


def test_a_blob_whose_source_breaks_is_not_there(place: Place) -> None:
    content = b"x" * 3_000_000
    with place.destination("app") as destination:
        destination.find_blob(descriptor_of(content))
        stream = BlobStream(lambda offset: Breaking(content[offset:], 2), descriptor_of(content))
        with stream, pytest.raises(ConnectionFailed, match="broke"):
            destination.put_blob(stream)
        assert not destination.find_blob(descriptor_of(content))


def test_many_threads_put_blobs_at_once(place: Place) -> None:
    contents = [f"blob {n}".encode() * 1000 for n in range(24)]
    problems: list[RegcopyError] = []
    with place.destination("app") as destination:

        def put(some: list[bytes]) -> None:
            try:
                for content in some:
                    if not destination.find_blob(descriptor_of(content)):
                        with stream_of(content) as stream:
                            destination.put_blob(stream)
            except RegcopyError as error:
                problems.append(error)

        workers = min(4, destination.capabilities.max_parallel)
        run_at_once([lambda n=n: put(contents[n::workers]) for n in range(workers)])
        assert problems == []
        assert all(destination.find_blob(descriptor_of(content)) for content in contents)


def test_closing_twice_does_no_harm(place: Place) -> None:
    place.write("app", single_image())
    with (
        place.context("source") as context,
        place.reference("app").open_source(context) as source,
        place.destination("app") as destination,
    ):
        source.close()
        destination.close()


def test_the_present_digest_is_known(place: Place, image: SampleImage) -> None:
    with place.destination("app") as destination:
        if not isinstance(destination, HoldsImages):
            pytest.skip("this transport cannot tell")
        assert destination.current_digest() is None
    place.write("app", image)
    with place.destination("app") as destination:
        assert isinstance(destination, HoldsImages)
        assert destination.current_digest() == image.digest


def test_a_deleted_image_is_not_found(place: Place) -> None:
    place.write("app", single_image())
    reference = place.reference("app")
    if not isinstance(reference, DeletesImages):
        pytest.skip("this transport cannot delete")
    with place.context("destination") as context:
        reference.delete_image(context)
    assert place.is_absent("app")


def test_tags_are_listed(place: Place) -> None:
    place.write("app", single_image())
    reference = place.reference("app")
    if not isinstance(reference, ListsTags):
        pytest.skip("this transport has no tags")
    with place.context("source") as context:
        assert len(list(reference.list_tags(context))) == 1


def test_a_cancelled_run_writes_nothing_more(place: Place) -> None:
    with place.context("destination") as context:
        stopped = replace(context, cancelled=threading.Event())
        with (
            pytest.raises(RegcopyError),
            place.reference("app").open_destination(stopped) as destination,
        ):
            stopped.cancelled.set()
            put_all(destination, single_image())
            stopped.check_cancelled()
            destination.commit()
    assert place.is_absent("app")


class Breaking:
    """A `Readable` that gives so many blocks and then fails."""

    def __init__(self, content: bytes, blocks: int) -> None:
        self._raw = io.BytesIO(content)
        self._left = blocks

    def read(self, size: int = -1, /) -> bytes:
        """Give a block, or fail."""
        self._left -= 1
        if self._left < 0:
            error = ConnectionFailed("the source broke")
            error.side = "source"
            raise error
        return self._raw.read(size)

    def close(self) -> None:
        """Nothing to give back."""


def read_whole(raw: Readable) -> bytes:
    """Read to the end."""
    blocks: list[bytes] = []
    while block := raw.read(65536):
        blocks.append(block)
    return b"".join(blocks)


def run_at_once(tasks: list[Callable[[], None]]) -> None:
    """Run each task in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
