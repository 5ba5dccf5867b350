"""Numbers with their nouns, and names that may hold anything."""

import pytest

from minunet.engine.words import plural, printable, width


@pytest.mark.parametrize("count, text", [(0, "no slices"), (1, "1 slice"), (2, "2 slices"),
                                         (12345, "12,345 slices")])
def test_one_is_not_several(count, text):
    assert plural(count, "slice") == text


def test_what_breaks_a_line_or_cannot_be_encoded_is_replaced():
    assert printable("a\nb\tc\x1b[0m \udcff\u2028") == "a?b?c?[0m ??"
    assert printable("Łukasz 患者 é") == "Łukasz 患者 é"


@pytest.mark.parametrize("text, columns", [("anna", 4), ("患者", 4), ("e\u0301", 1), ("", 0)])
def test_a_wide_letter_takes_two_columns_and_an_accent_none(text, columns):
    assert width(text) == columns
