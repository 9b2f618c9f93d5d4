from __future__ import annotations

import pytest

from regcopy.cli.gotext import ValueSyntaxError, parse_bool, parse_duration, parse_int, quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("plain text", '"plain text"'),
        ('say "hi" \\ there', r'"say \"hi\" \\ there"'),
        ("two\nlines\tand\rmore", r'"two\nlines\tand\rmore"'),
        ("\x1b[31mred\x00\x7f", r'"\x1b[31mred\x00\x7f"'),
        ("\x9b\u202e\u2028", r'"\u009b\u202e\u2028"'),
        ("é 漢 😀", '"é 漢 😀"'),
        ("no utf-8: \udcff", r'"no utf-8: \xff"'),
    ],
)
def test_text_is_quoted_as_go_does_it(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_go_takes_six_words_for_true(text: str) -> None:
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_go_takes_six_words_for_false(text: str) -> None:
    assert parse_bool(text) is False


@pytest.mark.parametrize("text", ["", "yes", "no", "tRUE", "on", " true"])
def test_other_words_are_no_boolean(text: str) -> None:
    with pytest.raises(ValueSyntaxError) as caught:
        parse_bool(text)
    assert caught.value.message == f'strconv.ParseBool: parsing "{text}": invalid syntax'


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-7", -7), ("+7", 7), ("0x10", 16), ("0b11", 3), ("017", 15), ("1_000", 1000)],
)
def test_whole_numbers_may_have_gos_prefixes(text: str, number: int) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    "text", ["", "x", "1.5", " 1", "1 ", "1\n", "١", "_1", "1__0", "--1", "0x"]
)
def test_what_go_does_not_read_as_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueSyntaxError, match="invalid syntax"):
        parse_int(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809"])
def test_a_number_over_64_bits_is_out_of_range(text: str) -> None:
    with pytest.raises(ValueSyntaxError, match="value out of range"):
        parse_int(text)


def test_an_unsigned_number_has_no_sign() -> None:
    with pytest.raises(ValueSyntaxError, match=r'strconv.ParseUint: parsing "-1": invalid syntax'):
        parse_int("-1", signed=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("300ms", 0.3),
        ("1h2m3s", 3723.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("-2s", -2.0),
        ("10us", 0.00001),
        ("10µs", 0.00001),
    ],
)
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("s", 'time: invalid duration "s"'),
        ("1.2.3s", 'time: invalid duration "1.2.3s"'),
        ("90", 'time: missing unit in duration "90"'),
        ("1x", 'time: unknown unit "x" in duration "1x"'),
        ("9999999999h", 'time: invalid duration "9999999999h"'),
    ],
)
def test_a_wrong_duration_gets_gos_message(text: str, message: str) -> None:
    with pytest.raises(ValueSyntaxError) as caught:
        parse_duration(text)
    assert caught.value.message == message
