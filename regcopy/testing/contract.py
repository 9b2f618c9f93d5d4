"""What every transport must do, as tests: the contract of `regcopy.transports.base`.

A test module for a transport needs three lines beside the import: a pytest fixture `place`
that gives a `Place`. All tests of this module then run on it:

    from regcopy.testing.contract import *  # noqa: F403
    from regcopy.testing.place import Place
    from regcopy.transports import parse_reference

    @pytest.fixture
    def place(tmp_path):
        return Place(lambda name: parse_reference(f"mine:{tmp_path / name}"))

pytest must be installed to import this module.
"""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import pytest

from regcopy.errors import (
    ConnectionFailed,
    DigestMismatch,
    NotFound,
    RegcopyError,
    SizeMismatch,
)
from regcopy.streams.blob import BlobStream
from regcopy.testing.place import (
    Breaking,
    Place,
    blobs_by_descriptor,
    descriptor_of,
    put_all,
    read_whole,
    run_at_once,
    stream_of,
)
from regcopy.testing.samples import SampleImage, multi_platform_image
from regcopy.transports.abilities import DeletesImages, HoldsImages, ListsTags


@pytest.fixture(params=["one image", "four platforms"])
def image(request: pytest.FixtureRequest, place: Place) -> SampleImage:
    """An image to write."""
    return place.single() if request.param == "one image" else several_platforms(place)


def several_platforms(place: Place) -> SampleImage:
    """An index with images to write; skips the test where the place takes none."""
    if not place.holds_indexes:
        pytest.skip("this transport holds one image, for one platform")
    return multi_platform_image()


def skip_unless_replacing(place: Place) -> None:
    """Skip the test where what is there cannot be replaced."""
    if not place.replaces:
        pytest.skip("this transport refuses to write where there is an image")


def test_an_image_that_is_not_there_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound):
        place.read_top("nothing")


def test_a_manifest_is_read_as_it_was_written(place: Place, image: SampleImage) -> None:
    place.write("app", image)
    assert place.read_top("app") == place.as_read(image.top)


def test_children_are_read_by_their_descriptors(place: Place) -> None:
    image = several_platforms(place)
    place.write("app", image)
    with place.source("app") as source:
        children = [source.get_manifest(child.descriptor()) for child in image.children]
    assert children == list(image.children)


def test_blobs_are_read_as_they_were_written(place: Place, image: SampleImage) -> None:
    place.write("app", image)
    with place.source("app") as source:
        for blob in blobs_by_descriptor(image):
            raw = source.open_blob(blob)
            try:
                assert read_whole(raw) == image.blobs[blob.digest]
            finally:
                raw.close()


def test_a_blob_is_read_from_an_offset(place: Place) -> None:
    image = place.single()
    place.write("app", image)
    blob = next(blobs_by_descriptor(image))
    with place.source("app") as source:
        raw = source.open_blob(blob, offset=100)
        try:
            assert read_whole(raw) == image.blobs[blob.digest][100:]
        finally:
            raw.close()


def test_a_blob_that_is_missing_is_not_found(place: Place) -> None:
    place.write("app", place.single())
    with place.source("app") as source, pytest.raises(NotFound):
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
    assert place.read_top("app") == place.as_read(image.top)


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
    skip_unless_replacing(place)
    old, new = place.single(seed="old"), place.single(seed="new")
    place.write("app", old)
    with pytest.raises(ConnectionFailed), place.destination("app") as destination:
        put_all(destination, new)
        raise ConnectionFailed("the source has gone")
    assert place.read_top("app") == place.as_read(old.top)


def test_a_new_image_takes_the_name_of_the_old_one(place: Place) -> None:
    skip_unless_replacing(place)
    new = place.single(seed="new")
    place.write("app", place.single(seed="old"))
    place.write("app", new)
    assert place.read_top("app") == place.as_read(new.top)


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
        run_at_once(put, [contents[n::workers] for n in range(workers)])
        assert problems == []
        assert all(destination.find_blob(descriptor_of(content)) for content in contents)


def test_closing_twice_does_no_harm(place: Place) -> None:
    place.write("app", place.single())
    with place.source("app") as source, place.destination("other") as destination:
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
    place.write("app", place.single())
    reference = place.reference("app")
    if not isinstance(reference, DeletesImages):
        pytest.skip("this transport cannot delete")
    with place.context("destination") as context:
        reference.delete_image(context)
    assert place.is_absent("app")


def test_tags_are_listed(place: Place) -> None:
    place.write("app", place.single())
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
            put_all(destination, place.single())
            stopped.check_cancelled()
            destination.commit()
    assert place.is_absent("app")
