"""The figures of a run say in words and table what they draw, and stay readable without colour."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from decisions.forest_plot import Figure
from evaluations.confusion_matrix import MOST_IN_MATRIX, confusion_legend, confusion_matrix
from evaluations.curve_figure import learning_curve
from evaluations.histogram import latency_histogram
from evaluations.mistakes_figure import commonest_mistakes
from evaluations.scorers import Confusion
from evaluations.scorers.labels import counted

SVG = "{http://www.w3.org/2000/svg}"
PERCENT = "\u00a0%"
THREE = counted(
    [("a", "a", 8), ("b", "a", 2), ("b", "b", 7), ("x", "b", 1), (None, "b", 2), ("c", "c", 5)]
)
NAMES = {"a": "Card <lost>", "b": "Card late"}


def many(count: int) -> Confusion:
    """Return a confusion of so many labels: each is taken for the next one time in ten."""
    names = [f"label {at:03}" for at in range(count)]
    told = [(name, name, 9) for name in names]
    return counted(told + [(names[at - 1], name, 1) for at, name in enumerate(names)])


def drawn(figure: Figure | None) -> ElementTree.Element:
    """Return a figure's drawing, read as XML."""
    assert figure is not None
    return ElementTree.fromstring(figure.svg)  # noqa: S314  (our own)


def texts(figure: Figure | None) -> list[str]:
    """Return the words and numbers in a drawing."""
    return [one.text or "" for one in drawn(figure).iter(f"{SVG}text")]


def all_figures() -> list[Figure | None]:
    """Return one figure of every kind."""
    tries = [{"share": 0.4}, {"share": 0.6}]
    points = [{"examples": size, "share": 0.5, "tries": tries} for size in (10, 11, 12, 500)]
    return [
        latency_histogram([1.0 + at for at in range(100)]),
        learning_curve({"learning_curve": points}),
        confusion_matrix(THREE, NAMES),
        confusion_matrix(many(77), {}),
        commonest_mistakes(many(77), {}),
    ]


@pytest.mark.parametrize("place", range(5))
def test_each_figure_names_itself_stays_inside_and_brings_its_table(place: int) -> None:
    figure = all_figures()[place]
    svg = drawn(figure)

    assert figure
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert (title.text, description.text) == (figure.title, figure.description)
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert figure.table
    assert {len(line) for line in figure.table} == {len(figure.headings)}
    width, height = float(svg.get("width", "0")), float(svg.get("height", "0"))
    for one in svg.iter(f"{SVG}text"):
        assert 0 <= float(one.get("x", "0")) <= width
        assert 0 <= float(one.get("y", "0")) <= height
    assert not [one for one in ("style=", "nan", "inf", "<lost>") if one in figure.svg]


def test_latencies_have_their_percentiles_and_their_stragglers_named() -> None:
    figure = latency_histogram([*range(1, 100), 5000])

    assert figure
    assert figure.description == (
        "From 1.00\u00a0ms to 5,000\u00a0ms; half took 50.5\u00a0ms or less, "
        "95 of 100 took 95.1\u00a0ms or less."
    )
    assert {"median 50.5\u00a0ms", "95th percentile 95.1\u00a0ms"} <= {*texts(figure)}
    hollow = [one for one in drawn(figure).iter(f"{SVG}rect") if "open" in one.get("class", "")]
    assert len(hollow) == 1
    assert figure.table[-1] == ("200 ms or more", "1", f"100.0{PERCENT}")
    assert sum(int(line[1]) for line in figure.table) == 100


@pytest.mark.parametrize("latencies", [[0.0] * 10, [1.0] * 10, [1e-9] * 10, [1e9] * 10])
def test_latencies_that_are_all_the_same_can_be_drawn(latencies: list[float]) -> None:
    assert "median" in str(texts(latency_histogram(latencies)))


def test_a_few_latencies_are_no_distribution() -> None:
    assert latency_histogram([1.0] * 9) is None


def test_a_matrix_holds_every_count_as_a_number_and_a_line() -> None:
    figure = confusion_matrix(THREE, NAMES)

    assert figure
    assert figure.description == (
        "20 of 25 are right. Another label: 2; another answer: 1; no answer: 2."
    )
    assert figure.table == (
        ("1. Card <lost>", "1. Card <lost>", "8", "10", f"80.0{PERCENT}"),
        ("1. Card <lost>", "2. Card late", "2", "10", f"20.0{PERCENT}"),
        ("2. Card late", "2. Card late", "7", "10", f"70.0{PERCENT}"),
        ("2. Card late", "no answer", "2", "10", f"20.0{PERCENT}"),
        ("2. Card late", "another answer", "1", "10", f"10.0{PERCENT}"),
        ("3. c", "3. c", "5", "5", f"100.0{PERCENT}"),
    )
    assert {"8", "2", "7", "1", "5", "1. Card <lost>"} <= {*texts(figure)}
    outlined = [one for one in drawn(figure).iter(f"{SVG}rect") if one.get("stroke")]
    assert len(outlined) == 3, "what is right can be told without colour"


def test_many_labels_are_squares_and_the_table_has_them_all() -> None:
    confusion = many(77)
    figure = confusion_matrix(confusion, {})

    assert figure
    assert not list(drawn(figure).iter(f"{SVG}rect"))
    paths = {one.get("class"): one.get("d", "") for one in drawn(figure).iter(f"{SVG}path")}
    assert {kind: path.count("M") for kind, path in paths.items()} == {
        "fig-right-open": 77,
        "fig-wrong": 77,
    }
    assert len(figure.table) == 154
    assert "77. label 076" in {line[0] for line in figure.table}
    assert "table names all" in confusion_legend(confusion)
    assert confusion_matrix(many(MOST_IN_MATRIX + 1), {}) is None


def test_named_rows_of_many_labels_stand_clear_of_each_other() -> None:
    svg = drawn(confusion_matrix(many(77), {}))
    named = [one for one in svg.iter(f"{SVG}text") if (one.text or "").startswith(tuple("1234567"))]
    lines = sorted(float(one.get("y", "0")) for one in named if ". label" in (one.text or ""))

    assert len(lines) > 10
    assert min(after - before for before, after in pairwise(lines)) >= 15


def test_the_commonest_mistakes_come_first_with_their_share() -> None:
    figure = commonest_mistakes(THREE, NAMES)

    assert figure
    assert figure.title == "The 3 commonest mistakes"
    assert figure.description.startswith(
        "Together 5 of 5 mistakes. Card <lost>: 2 of 10 got “Card late”."
    )
    answered = [line[1] for line in figure.table]
    assert answered == ["2. Card late", "no answer", "another answer"]
    assert f"2 of 10, 20.0{PERCENT}" in texts(figure)
    assert "Card <lost> → Card late" in texts(figure)


def test_a_run_that_is_always_right_has_no_mistakes_but_a_matrix() -> None:
    right = counted([("a", "a", 3), ("b", "b", 4)])

    assert commonest_mistakes(right, {}) is None
    assert confusion_matrix(right, {}) is not None
    assert confusion_matrix(counted([]), {}) is None
