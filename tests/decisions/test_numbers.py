"""Numbers carry the digits that their interval supports: of percentages at most one decimal."""

import pytest
from django.utils import translation

from decisions.numbers import (
    format_exact,
    format_figure,
    format_interval,
    format_measured,
    format_value,
    interval_name,
)


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "shown"),
    [
        (91.5, 86.8, 94.6, "%", "91.5\u00a0%"),
        (92.4675, 91.5, 93.4, "%", "92.5\u00a0%"),
        (1234.5, 1150.0, 1320.0, "ms", "1,230\u00a0ms"),
        (34567.0, 30000.0, 38000.0, "", "34,600"),
        (0.00123, 0.0011, 0.0014, "s", "0.00123\u00a0s"),
        (-0.41, -1.3, 2.1, "points", "−0.4\u00a0points"),
        (-0.04, -1.3, 2.1, "", "0.0"),
        (100.0, 98.1, 100.0, "%", "100.0\u00a0%"),
        (99.53, 99.48, 99.57, "%", "99.5\u00a0%"),
        (36.8, 20.1, 55.0, "%", "37\u00a0%"),
        (33.333, 9.7, 70.0, "%", "33\u00a0%"),
        (12.3046, 12.3001, 12.3099, "ms", "12.3\u00a0ms"),
    ],
)
def test_a_value_is_shown_to_the_precision_of_its_interval(
    value: float, low: float, high: float, unit: str, shown: str
) -> None:
    assert format_value(value, low, high, unit) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.3456, "0.346"), (12345.678, "12,346"), (0.0, "0"), (7.0, "7.00"), (1e20, "1.00 × 10²⁰")],
)
def test_without_an_interval_three_digits_are_shown_and_the_whole_part_is_kept(
    value: float, shown: str
) -> None:
    assert format_value(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(99.997, "99.997"), (0.012, "0.01"), (0.0, "0.0"), (99.94, "99.9"), (12.0, "12.0")],
)
def test_hardly_any_is_not_told_as_none_nor_nearly_all_as_all(value: float, shown: str) -> None:
    assert format_value(value, unit="%") == f"{shown}\u00a0%"


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "shown"),
    [
        (0.000534, 0.000447, 0.000639, "%", ("0.0005\u00a0%", "0.0004–0.0006")),
        (0.05, 0.01, 0.2, "%", ("0.05\u00a0%", "0.01–0.20")),
        (9.99, 9.98, 10.04, "ms", ("9.99\u00a0ms", "9.98–10.04")),
    ],
)
def test_a_value_and_its_interval_have_the_same_decimals_so_that_it_lies_within(
    value: float, low: float, high: float, unit: str, shown: tuple[str, str]
) -> None:
    assert format_measured(value, low, high, unit, 400) == shown


def test_an_interval_of_no_width_says_nothing_of_precision() -> None:
    assert format_value(41.256, 41.256, 41.256) == "41.3"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_shown_as_a_dash(value: float) -> None:
    assert format_value(value, 1.0, 2.0) == "–"


def test_an_interval_uses_a_dash_and_words_where_a_minus_stands_beside_it() -> None:
    assert format_interval(86.8, 94.6) == "86.8–94.6"
    assert format_interval(-1.3, 2.1) == "−1.3 to 2.1"
    assert format_interval(None, None) == ""
    assert format_interval(0, 39.03, "%") == "0–39"
    assert format_interval(99.2, 99.98, "%") == "99.20–99.98"


def test_a_number_that_a_person_set_is_shown_as_it_was_typed() -> None:
    shown = [format_exact(one) for one in (85.0, 0.5, 2000.0, 0.1 + 0.2)]
    assert shown == ["85", "0.5", "2,000", "0.3"]


def test_a_figure_reads_as_value_interval_and_sample_size() -> None:
    figure = format_figure(91.5, 86.8, 94.6, "%", 3080, "Wilson, 95%")
    assert figure == "91.5\u00a0% (95% CI 86.8–94.6, n = 3,080)"
    assert format_figure(3.14159, None, None, "ms", 200) == "3.14\u00a0ms (n = 200)"


def test_an_interval_is_named_by_the_level_of_its_method() -> None:
    assert interval_name("Clopper-Pearson 99.9 %") == "99.9% CI"
    assert interval_name("bootstrap") == "interval"


def test_decimals_follow_the_readers_language() -> None:
    with translation.override("pt-br"):
        assert format_value(12.3456, 12.30, 12.39) == "12,3"
