"""Numbers written by hand are found where they look measured, and nothing else is taken for one."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.bare_numbers import MOST, BareNumber, bare_numbers
from decisions.known_numbers import UNITS, Known, KnownNumbers
from decisions.metrics import METRICS
from decisions.numbers import format_exact, format_figure, format_value
from evaluations.sample.others import GUIDES, KEYWORDS, OVERNIGHT, TONE, URGENCY
from evaluations.sample.routing import PLAN
from evaluations.sample.story import FIGURE, Plan

KNOWN = (
    Known("E1", (91.5, 86.8, 94.6), "%"),
    Known("E2", (120.4, 110.0, 130.0), "ms"),
    Known("E3", (-3.1, -5.0, -1.2), "points"),
    Known("E4", (3.2,), "USD"),
    Known("E5", (0.713,), ""),
    Known("accuracy", (85.0, 75.0), "%", is_evidence=False),
)


def found(text: str) -> list[str]:
    """Return the numbers that are found in a text."""
    return [one.number for one in bare_numbers(text, KNOWN)]


@pytest.mark.parametrize(
    ("text", "number", "meant"),
    [
        ("93% of it is right", "93%", "E1"),
        ("**93** % of it", "93 %", "E1"),
        ("An F1 of 0.93", "0.93", "E1"),
        ("0.93 F1 on the test split", "0.93 F1", "E1"),
        ("B has 0.88 here", "0.88", "E1"),
        ("it takes 135 ms", "135 ms", ""),
        ("it takes 0.125 seconds", "0.125 seconds", "E2"),
        ("costs $3.1", "$3.1", "E4"),
        ("costs 3.10 USD a thousand", "3.10 USD", "E4"),
        ("custa R$ 5", "R$ 5", ""),
        ("0,95 % der Fälle", "0,95 %", ""),
        ("10–20 % of cases", "10–20 %", ""),
        ("from −1.3 to 2.4 points", "−1.3 to 2.4 points", "E3"),
        ("better by 4 points", "4 points", "E3"),
        ("12 points more accurate", "12 points", ""),
        ("1,234 ms and no more", "1,234 ms", ""),
        ("some 12 req/s", "12 req/s", ""),
        ("after 12.5s", "12.5s", ""),
        ("An accuracy of 88", "88", "E1"),
        ("accuracy 88, no more", "88", "E1"),
        ("Accuracy rose from 92 to 97", "97", "E1"),
        ("Accuracy rose from 79 to 92", "79", ""),
        ("SUS of 55", "55", ""),
        ("a System Usability Scale score of 55.5", "55.5", ""),
        ("7.2 of 10", "7.2", ""),
        ("F1 .93", ".93", "E1"),
        ("It takes 10s", "10s", ""),
        ("a rollback takes 12 min", "12 min", ""),
        ("2 hours per case", "2 hours", ""),
        ("Time to deliver: 45 days", "45 days", ""),
        ("it needs about 6 weeks", "6 weeks", ""),
        ("40 µs", "40 µs", ""),
        ("9 ‰ fail", "9 ‰", ""),
        ("$3k a month", "$3k", ""),
        ("1.2 k$", "1.2 k$", ""),
        ("3 million dollars", "3 million dollars", ""),
        ("**93**%", "93%", "E1"),
        ("from −92 % to nothing", "−92 %", "E1"),
        ("| a | b |\n|---|---|\n| x | 70 % |", "70 %", ""),
    ],
)
def test_what_looks_measured_and_is_said_by_nothing_is_found(
    text: str, number: str, meant: str
) -> None:
    (one,) = bare_numbers(text, KNOWN)
    assert (one.number, one.meant) == (number, meant)


@pytest.mark.parametrize(
    "text",
    [
        "91.5% of it, or 92 %, or an accuracy of 0.915",
        "an interval of 86.8–94.6 %",
        "0.12 s, which is 120 ms",
        "behind by 3.1 points, at worst 5 points less",
        "an MRR of 0.71",
        "at least 85% is asked for, 75 % would do",
        "`93%` and [[E1]], and\n\n    93 %\n\n```\n93 %\n```",
        "two cores, 2 cores, 200 messages, 10 of 12, 1/3, 16:9, 3 weeks, 8 GB, 300 a day",
        "on 2026-11-21, 21 November 2025, in 2024, at 14:03, the 1990s and the 80s",
        "DR-12, E12, GPT-4, v0.95, Python 3.11, Llama 3.1, vLLM 0.11, part 0.3.2",
        "the 95th percentile, a 95% CI, the 95 % interval, 95% confidence",
        "3 points to note",
        "an accuracy of 12 labels, satisfaction: 14 people, accuracy was 3 of 5",
        "Recall at 10 and nDCG@10, half precision, 16 bits of precision",
        "ready in 5 weeks, kept for 30 days, tried again after 10 min, 24 hours a day",
        "10s of messages, 100s of them, the 80s, in his 30s and the '90s",
        "3k messages, 20 M parameters, 5 million, 0.5 million words",
        "an accuracy of 92, and MRR .713; −3.1 points, or 3.1 points more",
        "a threshold of 0.25 and a temperature of 0.70, p = 0.03, p < 0.05",
        "https://x.example/93%/120ms and [there](https://x.example/?a=0.93)",
        "1. first\n2. second",
        "",
    ],
)
def test_what_is_known_or_no_measurement_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_the_passage_names_the_words_around_the_number() -> None:
    text = "One two three four five six seven **93%** eight nine ten, and so on as it goes"
    (one,) = bare_numbers(text, KNOWN)
    assert one == BareNumber(
        "… two three four five six seven ",
        "93%",
        " eight nine ten, and so on …",
        meant="E1",
    )
    assert one.suggestion == "[[E1]]"


def test_every_metric_and_unit_of_the_catalogue_is_read() -> None:
    for metric in METRICS.values():
        assert not metric.unit or metric.unit.lower() in UNITS, metric.key
        text = f"{metric.name}: 88 {metric.unit}" if metric.unit else f"{metric.name}: 88."
        assert [one.number[:2] for one in bare_numbers(text, [])] == ["88"], metric.key


def test_a_record_that_measures_days_or_minutes_has_them_read_everywhere() -> None:
    days, seconds = Known("E1", (30.0, 20.0, 40.0), "days"), Known("E2", (90.0,), "s")
    assert [one.meant for one in bare_numbers("in 28 days", [days, seconds])] == ["E1"]
    assert [one.meant for one in bare_numbers("after 1.4 min", [days, seconds])] == ["E2"]
    assert bare_numbers("in 30 days, after 1.5 min", [days, seconds]) == []


OF_TWO = (
    Known("E1", (93.0, 91.0, 95.0), "%", about=("A", "Prompt")),
    Known("E2", (88.0, 86.0, 90.0), "%", about=("B", "Tuned head")),
    Known("E3", (-5.0, -7.0, -3.0), "points", about=("A", "Prompt", "B", "Tuned head")),
    Known("accuracy", (85.0,), "%", is_evidence=False),
)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Candidate A reaches 93% and B 93%.", ["93%"]),
        ("the tuned one (B) has 93 %", ["93 %"]),
        ("Tuned head: 93 %, Prompt: 93 %", ["93 %"]),
        ("A is at 88 %", ["88 %"]),
        ("A 88 % accuracy is what we have; a 93 % one is better", []),
        ("B is better than A at 88 %, and against A 88 % is little", []),
        ("B differs from A by 5 points; A is 5 points ahead; B needs 85 %", []),
        ("B comes to 93 %", []),
    ],
)
def test_beside_a_candidate_stands_a_number_of_its_own(text: str, numbers: list[str]) -> None:
    assert [one.number for one in bare_numbers(text, OF_TWO)] == numbers


def test_no_more_is_listed_than_anyone_would_mend_and_the_last_says_so() -> None:
    listed = bare_numbers("12 % and " * (MOST + 1), KNOWN)
    assert [one.goes_on for one in listed] == [False] * (MOST - 1) + [True]
    assert not any(one.goes_on for one in bare_numbers("12 % and " * MOST, KNOWN))


def test_a_limit_of_a_goal_is_known_and_never_suggested() -> None:
    assert found("85 % is the target") == []
    (one,) = bare_numbers("84 % is near it", [KNOWN[-1]])
    assert one.suggestion == ""


@pytest.mark.parametrize("plan", [PLAN, OVERNIGHT, KEYWORDS, URGENCY, GUIDES, TONE])
def test_nothing_in_the_samples_texts_is_taken_for_written_by_hand(plan: Plan) -> None:
    for kind, answers in plan.readings.items():
        for text in answers.values():
            if isinstance(text, str):
                assert bare_numbers(FIGURE.sub("[[E1]]", text), ()) == [], kind


FINITE = st.floats(min_value=0.01, max_value=1e6, allow_nan=False)
SHOWN_IN = st.sampled_from(["%", "ms", "s", "USD", "/s"])


@given(value=FINITE, width=st.floats(0, 0.5), unit=SHOWN_IN)
def test_a_figure_as_it_is_shown_is_always_known(value: float, width: float, unit: str) -> None:
    low, high = value * (1 - width), value * (1 + width)
    known = [Known("E1", (value, low, high), unit)]
    assert bare_numbers(f"It is {format_value(value, low, high, unit)} now.", known) == []
    whole = format_figure(value, low, high, unit, 200, "Wilson, 95%")
    assert bare_numbers(f"It is {whole}.", known) == []


@given(value=FINITE, unit=SHOWN_IN)
def test_a_figure_that_nothing_says_is_always_found(value: float, unit: str) -> None:
    shown = format_value(value, None, None, unit)
    far = [Known("E1", (value * 3 + 10,), unit)]
    (one,) = bare_numbers(f"It is {shown} now.", far)
    assert (one.number, one.meant) == (shown, "")


@given(target=FINITE, unit=SHOWN_IN)
def test_a_target_as_it_is_typed_is_always_known(target: float, unit: str) -> None:
    known = [Known("accuracy", (target,), unit, is_evidence=False)]
    assert bare_numbers(f"At least {format_exact(target, unit)}.", known) == []


@given(st.text(max_size=200))
def test_any_text_is_read_and_what_is_found_stands_in_it(text: str) -> None:
    for one in bare_numbers(text, KNOWN):
        assert re.search(r"\d", one.number)
        assert one.number == one.number.strip()


@given(st.text(alphabet=st.characters(exclude_categories=["N"]), max_size=200))
def test_a_text_without_digits_has_no_numbers(text: str) -> None:
    assert bare_numbers(text, KNOWN) == []


PIECES = (
    "1",
    "1,",
    "1,111",
    "-1",
    "a",
    "9% ",
    "http",
    "0.93 F1 ",
    "1-",
    "1 ",
    "0.12 ",
    "accuracy from ",
)
MANY = [
    Known(f"E{at}", (50 + at / 10, 49.0, 52 + at / 10), "%", about=("A", "B")) for at in range(200)
]


@pytest.mark.parametrize("piece", [*PIECES, "60.1% ", "B is 60.1% ", "0.601 "])
def test_long_texts_are_read_in_no_time_however_much_is_known(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    started = time.process_time()
    bare_numbers(text, KnownNumbers(MANY))
    assert time.process_time() - started < 2
