"""Headers and documents of a registry that are as long as they may be, and longer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from regcopy.errors import RegcopyError
from regcopy.transports.docker.challenge import parse_challenges
from regcopy.transports.docker.errors import parse_complaint, parse_retry_after
from regcopy.transports.docker.tags import next_link, parse_tags
from tests.growth import TOO_FAST, growth

HEADERS: Final[dict[str, Callable[[str], object]]] = {
    "WWW-Authenticate": parse_challenges,
    "Link": next_link,
    "Retry-After": parse_retry_after,
}
DOCUMENTS: Final[dict[str, Callable[[bytes], object]]] = {
    "an error": parse_complaint,
    "tags": lambda body: parse_tags(body, "h/a"),
}
FILLERS: Final = [
    "x",
    "9",
    " ",
    ",",
    '"',
    "\\",
    "=",
    "<",
    'Basic a="b",',
    '<a>; rel="x",',
    "Mon, 01 Jan",
]


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("name", HEADERS)
def test_a_header_costs_no_more_than_its_length(name: str, filler: str) -> None:
    assert growth(HEADERS[name], lambda size: filler * (size // len(filler))) < TOO_FAST


@pytest.mark.parametrize("filler", ["[", '{"a":', '"a",', '{"code":"x","message":"y"},', "9"])
@pytest.mark.parametrize("before", ["", '{"errors":[', '{"tags":['])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_costs_no_more_than_its_length(name: str, before: str, filler: str) -> None:
    def read(body: bytes) -> None:
        with suppress(RegcopyError):
            DOCUMENTS[name](body)

    assert growth(read, lambda size: (before + filler * (size // len(filler))).encode()) < TOO_FAST
