"""The grammar of Go's pflag; messages as skopeo prints them."""

from __future__ import annotations

from typing import Final

import pytest

from regcopy.cli.flags import CommandLineError, Flag, Parsed, Values, parse, refuse_later

FLAGS: Final = (
    Flag("all", "bool", short="a"),
    Flag("quiet", "bool", short="q"),
    Flag("format", short="f"),
    Flag("tag", "strings"),
    Flag("times", "int"),
    Flag("parallel", "uint"),
    Flag("layer", "ints"),
    Flag("delay", "duration"),
    Flag("sign-by", later=True),
    Flag("compress", "bool", later=True),
)


def parsed(*arguments: str) -> Parsed:
    return parse(FLAGS, arguments)


def message_of(*arguments: str) -> str:
    with pytest.raises(CommandLineError) as caught:
        parsed(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "oci"),
        ("--format=oci",),
        ("-f", "oci"),
        ("-foci",),
        ("-f=oci",),
        ("-af", "oci"),
        ("-qafoci",),
        ("--format=other", "--format=oci"),
    ],
)
def test_a_value_may_be_given_in_each_of_pflags_ways(arguments: tuple[str, ...]) -> None:
    assert parsed(*arguments).values.string("format") == "oci"


def test_a_value_may_look_like_a_flag() -> None:
    assert parsed("--format", "--all").values.string("format") == "--all"


def test_flags_and_names_may_be_mixed() -> None:
    result = parsed("one", "--all", "two", "-q")
    assert result.names == ("one", "two")
    assert result.values.boolean("all")
    assert result.values.boolean("quiet")


def test_two_dashes_end_the_flags() -> None:
    result = parsed("-a", "--", "--quiet", "-x", "--")
    assert result.names == ("--quiet", "-x", "--")
    assert not result.values.has("quiet")


def test_one_dash_alone_is_a_name() -> None:
    assert parsed("-").names == ("-",)


def test_a_boolean_never_takes_the_next_word() -> None:
    result = parsed("--all", "false")
    assert result.values.boolean("all")
    assert result.names == ("false",)


def test_a_boolean_that_was_given_as_false_is_known_to_be_given() -> None:
    values = parsed("--all=false").values
    assert values.has("all")
    assert not values.boolean("all")


def test_a_list_may_be_repeated_and_have_commas() -> None:
    assert parsed("--tag=a,b", "--tag", "c").values.strings("tag") == ("a", "b", "c")


def test_an_item_in_quotes_may_have_a_comma() -> None:
    assert parsed('--tag="a,b",c').values.strings("tag") == ("a,b", "c")


def test_numbers_and_durations_are_converted() -> None:
    values = parsed("--times=3", "--parallel", "0x10", "--delay=1m30s", "--layer=0,-1").values
    assert values.integer("times") == 3
    assert values.integer("parallel") == 16
    assert values.duration("delay") == 90.0
    assert values.given["layer"] == (0, -1)


def test_a_flag_that_was_not_given_has_its_zero_value() -> None:
    values = Values()
    assert (values.boolean("all"), values.string("format"), values.strings("tag")) == (
        False,
        "",
        (),
    )
    assert (values.integer("times"), values.duration("delay")) == (0, 0.0)


def test_values_from_before_the_command_are_kept() -> None:
    before = parse(FLAGS, ["-a", "--tag=x", "copy", "--tag=y"], stop_at_name=True)
    after = parse(FLAGS, before.rest, before=before.values)
    assert before.names == ("copy",)
    assert after.values.boolean("all")
    assert after.values.strings("tag") == ("x", "y")


def test_the_repr_of_values_hides_them() -> None:
    assert "secret" not in repr(parsed("--format=secret").values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--nope",), "unknown flag: --nope"),
        (("--nope=1",), "unknown flag: --nope"),
        (("-Z",), "unknown shorthand flag: 'Z' in -Z"),
        (("-aZq",), "unknown shorthand flag: 'Z' in -Zq"),
        (("---x",), "bad flag syntax: ---x"),
        (("--=x",), "bad flag syntax: --=x"),
        (("--format",), "flag needs an argument: --format"),
        (("-f",), "flag needs an argument: 'f' in -f"),
        (
            ("--all=no",),
            (
                'invalid argument "no" for "-a, --all" flag: '
                'strconv.ParseBool: parsing "no": invalid syntax'
            ),
        ),
        (
            ("--times=x",),
            (
                'invalid argument "x" for "--times" flag: '
                'strconv.ParseInt: parsing "x": invalid syntax'
            ),
        ),
        (
            ("--layer=1,b",),
            'invalid argument "1,b" for "--layer" flag: strconv.Atoi: parsing "b": invalid syntax',
        ),
        (
            ("--delay=1x",),
            'invalid argument "1x" for "--delay" flag: time: unknown unit "x" in duration "1x"',
        ),
    ],
)
def test_a_wrong_command_line_gets_pflags_message(arguments: tuple[str, ...], message: str) -> None:
    assert message_of(*arguments) == message


def test_a_mistyped_flag_is_told_the_close_one() -> None:
    with pytest.raises(CommandLineError) as caught:
        parsed("--fromat=oci")
    assert caught.value.hint == "did you mean --format?"


def test_a_flag_that_is_not_supported_yet_is_refused() -> None:
    with pytest.raises(CommandLineError, match="--sign-by is not supported yet"):
        refuse_later(FLAGS, parsed("--sign-by=key").values)


@pytest.mark.parametrize("argument", ["--compress=false", "--sign-by="])
def test_turning_off_what_is_not_supported_is_fine(argument: str) -> None:
    refuse_later(FLAGS, parsed(argument).values)
