"""The words after the two names of a line."""

from __future__ import annotations

import pytest

from regcopy.batch.line_options import NO_OPTIONS, LineOptions, parse_words
from regcopy.copying.options import CopyOptions, Instances
from regcopy.errors import UsageError
from regcopy.model.platform import Platform
from regcopy.session import Access

ARM = Platform("linux", "arm64")
AMD = Platform("linux", "amd64")


@pytest.mark.parametrize(
    ("word", "instances"),
    [
        ("all", Instances("all")),
        ("all=true", Instances("all")),
        ("all=false", Instances("system")),
        ("multi-arch=system", Instances("system")),
        ("multi-arch=all", Instances("all")),
        ("multi-arch=index-only", Instances("index-only")),
        ("multi-arch=linux/arm64,linux/amd64", Instances("platforms", (ARM, AMD))),
        ("platform=linux/arm64", Instances("platforms", (ARM,), strip=True)),
        ("platform=linux/arm64,linux/arm64", Instances("platforms", (ARM,), strip=True)),
    ],
)
def test_a_word_chooses_the_images(word: str, instances: Instances) -> None:
    assert parse_words([word]) == LineOptions(instances=instances)


@pytest.mark.parametrize("form", ["oci", "v2s2", "v2s1"])
def test_a_word_chooses_the_form(form: str) -> None:
    assert parse_words([f"format={form}"]).format == form


def test_other_words_choose_form_and_tls() -> None:
    words = ["format=v2s2", "preserve-digests", "src-tls-verify=false", "dest-tls-verify=true"]
    assert parse_words(words) == LineOptions(None, "v2s2", True, False, True)


@pytest.mark.parametrize(("word", "wanted"), [("referrers", True), ("referrers=false", False)])
def test_a_word_asks_for_referrers_or_does_without(word: str, wanted: bool) -> None:
    assert parse_words([word]).applied_to(CopyOptions(referrers=not wanted)).referrers is wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("all=maybe",), 'all=maybe: neither "true" nor "false"'),
        (("format=v1",), "format=v1: not one of oci, v2s2 and v2s1"),
        (("platform=",), "platform"),
        (("multi-arch=some",), "platform"),
        (("all", "platform=linux/arm64"), "this was said before on the line"),
        (("format=oci", "format=oci"), "this was said before on the line"),
        (("creds=a:b",), '"creds=a:b" is a third name, or an option that is not known'),
        (("authfile=/etc/shadow",), "an option that is not known"),
    ],
)
def test_words_that_make_no_sense_are_told(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_words(words)


def test_a_flag_in_a_list_is_told_how_to_be_written() -> None:
    with pytest.raises(UsageError) as caught:
        parse_words(["--dest-tls-verify=false"])
    assert caught.value.hint == "write dest-tls-verify=false, without -"


def test_what_a_line_says_goes_before_what_the_list_says() -> None:
    of_list = CopyOptions(instances=Instances("all"), format="oci", preserve_digests=True)
    of_line = parse_words(["multi-arch=system", "preserve-digests=false"])
    assert of_line.applied_to(of_list) == CopyOptions(format="oci")


def test_a_line_that_says_nothing_changes_nothing() -> None:
    options, access = CopyOptions(), Access()
    assert NO_OPTIONS.applied_to(options) is options
    assert NO_OPTIONS.source(access) is access


def test_each_side_has_its_own_tls() -> None:
    options = parse_words(["src-tls-verify=false"])
    assert options.source(Access()).options.tls_verify is False
    assert options.destination(Access()).options.tls_verify is None
