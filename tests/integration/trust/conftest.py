"""Keys for all tests of the folder, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regcopy.testing.samples import single_image
from tests.signature_vectors import Keys, make_keys
from tests.signing import GpgHome


@pytest.fixture(scope="session")
def gpg_keys() -> Iterator[Keys]:
    """OpenPGP keys of several people, and the manifest that they sign."""
    with GpgHome() as home:
        yield make_keys(home, single_image().top.content)
