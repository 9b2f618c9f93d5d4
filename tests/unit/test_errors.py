"""Errors: one line that says where, and what to try kept apart."""

from __future__ import annotations

import inspect
import pickle

import pytest

from regcopy import errors
from regcopy.batch import BadList, Problem
from regcopy.errors import (
    ConnectionFailed,
    ContentError,
    DigestMismatch,
    InvalidDigest,
    NotFound,
    RateLimited,
    RegcopyError,
    SizeMismatch,
    Stalled,
    TransportError,
    UsageError,
    located,
)


def test_an_error_says_side_reference_operation_and_what_happened() -> None:
    error = NotFound("no such tag", hint="list the tags")
    with (
        pytest.raises(NotFound),
        located(side="source", reference="docker://a.b/c:1", operation="reading manifest 1"),
    ):
        raise error

    assert str(error) == "source docker://a.b/c:1: reading manifest 1: no such tag"
    assert (error.message, error.hint) == ("no such tag", "list the tags")


def test_the_nearest_place_wins_and_gaps_are_filled_from_outside() -> None:
    error = NotFound("gone")
    with (
        pytest.raises(NotFound),
        located(side="destination", reference="outer", operation="copying"),
        located(side="source", operation="reading"),
    ):
        raise error

    assert (error.side, error.reference, error.operation) == ("source", "outer", "reading")


def test_errors_of_others_pass_untouched() -> None:
    with pytest.raises(KeyError), located(side="source"):
        raise KeyError("x")


def test_an_error_without_a_place_is_its_message() -> None:
    assert str(RegcopyError("what happened")) == "what happened"


def test_hostile_text_does_not_reach_the_terminal() -> None:
    error = NotFound("no \x1b[2J\r\n")
    error.reference = "oci:\u202ex"

    assert str(error).isprintable()
    assert len(str(NotFound("x" * 100_000))) < 5000


@pytest.mark.parametrize(
    ("actual", "shown"), [(4, "expected 5 bytes of x, got 4"), (6, "got at least 6")]
)
def test_a_wrong_size_says_whether_the_end_was_seen(actual: int, shown: str) -> None:
    assert shown in str(SizeMismatch(5, actual, what="x"))


def test_usage_errors_are_value_errors_for_those_who_do_not_know_us() -> None:
    assert issubclass(InvalidDigest, UsageError)
    assert issubclass(UsageError, ValueError)


def test_a_stalled_connection_is_a_connection_that_failed() -> None:
    assert issubclass(Stalled, ConnectionFailed)
    assert issubclass(ConnectionFailed, TransportError)
    assert not issubclass(ConnectionFailed, ContentError)


def test_the_tree_at_the_top_of_the_module_names_every_error() -> None:
    classes = [found for _, found in inspect.getmembers(errors, inspect.isclass)]
    ours = {found.__name__ for found in classes if issubclass(found, RegcopyError)}

    assert {name for name in ours if name not in str(errors.__doc__)} == set()


@pytest.mark.parametrize(
    "error",
    [
        DigestMismatch("sha256:1", "sha256:2"),
        SizeMismatch(3, 2, what="manifest"),
        RateLimited("too many requests", retry_after=3.0, hint="wait"),
        BadList((Problem(1, "one name"),)),
    ],
)
def test_an_error_crosses_to_another_process_whole(error: RegcopyError) -> None:
    with pytest.raises(RegcopyError), located(side="source", reference="dir:app"):
        raise error

    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
