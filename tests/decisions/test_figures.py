"""Figures say in shape, colour, words and table what was measured."""

from xml.etree import ElementTree

import pytest

from decisions.actions.evidence import attach_evidence, withdraw_evidence
from decisions.actions.rows import edit_goal
from decisions.figures import Figure, Row, Target, evidence_figures, forest_plot
from decisions.marks import SMALL
from decisions.models import Decision
from decisions.outcomes import Outcome, outcome
from decisions.record_parts import with_parts
from decisions.svg import text_width
from tests import factories
from tests.factories import People

SVG = "{http://www.w3.org/2000/svg}"
ROWS = [
    Row("A", "Prompt", 62.0, 55.1, 68.5, 200, "Wilson, 95%"),
    Row("B", "Dense retrieval", 86.5, 81.1, 90.5, 200, "Wilson, 95%"),
    Row("C", "Tuned head", 92.5, 88.0, 95.4, 200, "Wilson, 95%", is_chosen=True),
]
ACCURACY = Target(85.0, at_least=True, worst=80.0)


def drawn(figure: Figure) -> ElementTree.Element:
    """Return a figure's drawing, read as XML."""
    return ElementTree.fromstring(figure.svg)  # noqa: S314  (our own)


@pytest.mark.parametrize(
    ("low", "high", "at_least", "found"),
    [
        (85.0, 90.0, True, Outcome.MET),
        (84.9, 90.0, True, Outcome.OPEN),
        (80.0, 85.0, True, Outcome.OPEN),
        (80.0, 84.9, True, Outcome.MISSED),
        (80.0, 85.0, False, Outcome.MET),
        (80.0, 85.1, False, Outcome.OPEN),
        (85.1, 90.0, False, Outcome.MISSED),
    ],
)
def test_an_interval_that_crosses_the_target_decides_nothing(
    low: float, high: float, at_least: bool, found: Outcome
) -> None:
    assert outcome(85.0, low, high, target=85.0, at_least=at_least) == found


def test_without_an_interval_the_value_alone_speaks() -> None:
    assert outcome(85.0, None, None, target=85.0, at_least=True) == Outcome.MET
    assert outcome(84.9, None, None, target=85.0, at_least=True) == Outcome.MISSED


def test_a_forest_plot_names_itself_for_those_who_cannot_see_it() -> None:
    figure = forest_plot(ROWS, ACCURACY, name="Accuracy", unit="%", key="accuracy")
    svg = drawn(figure)
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert svg.get("role") == "img"
    assert title is not None
    assert description is not None
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "Accuracy of each candidate against the target of at least 85\u00a0%"
    assert "B. Dense retrieval: 86.5\u00a0% (95% CI 81.1–90.5, n = 200), not decisive." in (
        figure.description
    )


def test_outcomes_differ_in_shape_and_word_not_only_in_colour() -> None:
    svg = drawn(forest_plot(ROWS, ACCURACY, name="Accuracy", unit="%"))
    points = [one.tag for one in svg.iter() if one.get("class", "").startswith("fig-point")]
    assert points == [f"{SVG}path", f"{SVG}circle", f"{SVG}circle"]
    assert len([one for one in svg.iter() if one.get("class") == "fig-point-open"]) == 1
    words = [one.text for one in svg.iter(f"{SVG}text")]
    assert {"not met", "not decisive", "met"} <= set(words)


def test_the_drawing_carries_its_own_paint_for_paper() -> None:
    svg = forest_plot(ROWS, ACCURACY, name="Accuracy", unit="%").svg
    assert "var(" not in svg
    assert "style=" not in svg
    assert 'fill="#1d1c1a"' in svg


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ROWS[:1],
        [Row("A", "x" * 300, 1.0, None, None, 1)],
        [Row("", "名前" * 60, -5.0, -5.0, -5.0, 0), Row("B", "اسم", 0.0, None, None, 1)],
        [Row("A", "huge", 1e18, 1e17, 1e19, 10), Row("B", "tiny", 1e-9, 1e-10, 1e-8, 10)],
        [Row(f"A{at}", f"Candidate {at}", float(at), at - 0.5, at + 0.5, 9) for at in range(60)],
    ],
    ids=["none", "one", "long name", "other scripts", "huge and tiny", "sixty"],
)
@pytest.mark.parametrize("target", [None, Target(5.0, at_least=False)])
def test_odd_values_still_make_a_drawing_inside_its_box(
    rows: list[Row], target: Target | None
) -> None:
    figure = forest_plot(rows, target, name="Latency", unit="ms")
    svg = drawn(figure)
    width = float(svg.get("width", "0"))
    places = [float(one.get("x", "0")) for one in svg.iter(f"{SVG}text")]
    assert all(0 <= place <= width for place in places)
    assert len(figure.rows) == len(rows)


def test_the_words_under_a_plot_stand_whole_within_its_edges() -> None:
    name = " ".join(f"word {at}" for at in range(18))
    target = Target(5.0, at_least=False)
    svg = drawn(forest_plot(ROWS, target, name=name, unit="€/1,000 messages"))
    width, height = float(svg.get("width", "0")), float(svg.get("height", "0"))
    places = {one.text or "": one for one in svg.iter(f"{SVG}text")}
    words = [one for one in places if one.startswith("word") or one.endswith("better")]
    assert " ".join(words) == f"{name}, €/1,000 messages · lower is better"
    for one in words:
        middle = float(places[one].get("x", "0"))
        assert middle - text_width(one, SMALL) / 2 > 0
        assert middle + text_width(one, SMALL) / 2 < width
        assert float(places[one].get("y", "0")) < height


def test_names_are_escaped() -> None:
    figure = forest_plot([Row("A", "<b>&", 1.0, None, None, 1)], name='"<i>', key="x")
    drawn(figure)
    assert "<b>" not in figure.svg


def loaded(record: Decision) -> Decision:
    return with_parts(Decision.objects.all()).get(pk=record.pk)


def test_there_is_a_figure_for_each_goal_that_was_measured(complete_draft: Decision) -> None:
    figures = evidence_figures(loaded(complete_draft))
    assert [one.metric for one in figures] == ["accuracy", "latency_p95"]
    assert [row.outcome for row in figures[0].rows] == [Outcome.OPEN, Outcome.OPEN]
    assert [row.is_chosen for row in figures[0].rows] == [False, True]
    assert len({one.anchor for one in figures}) == 2


def test_values_under_other_conditions_get_a_figure_of_their_own(
    complete_draft: Decision, people: People
) -> None:
    candidate = complete_draft.candidates.all()[0]
    other = factories.measurement("accuracy", 70.0, conditions={"case_set": "another"})
    attach_evidence(candidate, by=people.data_science, measurements=[other])
    figures = [one for one in evidence_figures(loaded(complete_draft)) if one.metric == "accuracy"]
    assert [len(one.rows) for one in figures] == [2, 1]
    assert "Not to be compared" in figures[1].note
    assert figures[0].key != figures[1].key


def test_withdrawn_evidence_is_not_drawn(complete_draft: Decision, people: People) -> None:
    first = complete_draft.evidence.all()[0]
    withdraw_evidence(first, by=people.data_science, reason="Wrong split.")
    drawn_evidence = [
        row.evidence for one in evidence_figures(loaded(complete_draft)) for row in one.rows
    ]
    assert first not in drawn_evidence
    assert drawn_evidence


def test_a_goal_in_another_unit_judges_nothing(complete_draft: Decision, people: People) -> None:
    goal = complete_draft.goals.get(metric="latency_p95")
    edit_goal(goal, by=people.owner, token=goal.token, unit="s")
    figure = evidence_figures(loaded(complete_draft))[1]
    assert figure.target is None
    assert "another unit" in figure.note


def test_figures_read_only_what_was_loaded(
    complete_draft: Decision, django_assert_num_queries: object
) -> None:
    record = loaded(complete_draft)
    with django_assert_num_queries(0):  # type: ignore[operator]
        evidence_figures(record)


def test_a_figure_from_one_end_of_the_numbers_to_the_other_is_drawn() -> None:
    rows = [Row("A", "Prompt", 62.0, None, None, 200, "")]
    figure = forest_plot(
        rows, Target(1e308, at_least=True, worst=-1e308), name="Load", unit="/s", key="load"
    )
    text = ElementTree.tostring(drawn(figure), encoding="unicode")
    assert "nan" not in text
    assert "inf" not in text
