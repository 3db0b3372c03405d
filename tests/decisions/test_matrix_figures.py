"""The matrix, tornado and Pareto figures say in sign, word and table what they draw."""

from dataclasses import replace
from math import nan
from xml.etree import ElementTree

import pytest

from decisions.forest_plot import Figure
from decisions.heat_table import heat_table
from decisions.matrix import Matrix, Weighing
from decisions.matrix_figures import weighed_figures
from decisions.models import Decision
from decisions.pareto_scatter import pareto_legend, pareto_scatter
from decisions.tornado import tornado
from decisions.weighing.flips import swings
from decisions.weighing.pareto import pareto
from decisions.weighing.scores import simulate, weigh
from decisions.weighing.table import (
    Cell,
    Column,
    Rating,
    Row,
    Table,
    goal_row,
    make_table,
    role_row,
)
from decisions.weighing.words import percent

SVG = "{http://www.w3.org/2000/svg}"
NBSP = "\u00a0"
COLUMNS = (Column("A", "Prompt"), Column("B", "Dense <retrieval>"), Column("C", "Tuned"))


def rows() -> list[Row]:
    """Return a must, a goal that goes down, and a role."""
    return [
        goal_row(
            "accuracy", "Accuracy", target=85, worst=70, at_least=True, unit="%", is_must=True
        ),
        goal_row("cost", "Cost", target=2, worst=6, at_least=False, unit="USD", weight=0.5),
        role_row("ux", "UX"),
    ]


def table() -> Table:
    """Return a matrix in which A is out, B is open and C's cost is an estimate."""
    cells = {
        (0, 0): Cell(70.1, 65.0, 74.9, 300),
        (0, 1): Cell(86.5, 82.1, 90.0, 300),
        (0, 2): Cell(92.5, 89.0, 95.0, 300),
        (1, 1): Cell(0.5),
        (1, 2): Cell(3, 1.5, 5, is_estimate=True),
    }
    ratings = [Rating(2, 1, "ease", 4), Rating(2, 2, "ease", 3), Rating(2, 2, "fit", 4)]
    return make_table(rows(), COLUMNS, cells, ratings)


def drawn(figure: Figure | None) -> ElementTree.Element:
    """Return a figure's drawing, read as XML."""
    assert figure is not None
    return ElementTree.fromstring(figure.svg)  # noqa: S314  (our own)


def texts(figure: Figure | None) -> list[str]:
    """Return the words and numbers in a drawing."""
    return [one.text or "" for one in drawn(figure).iter(f"{SVG}text")]


def figures(one: Table) -> list[Figure | None]:
    """Return every figure of a matrix."""
    weighed = weigh(one)
    return [
        heat_table(one, weighed, simulate(one, 200)),
        tornado(one, weighed, swings(one, weighed)),
        pareto_scatter(one, pareto(one, 0, 1)),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_figure_names_itself_and_brings_its_table(place: int) -> None:
    figure = figures(table())[place]
    svg = drawn(figure)
    assert figure is not None
    assert svg.get("role") == "img"
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert (title.text, description.text) == (figure.title, figure.description)
    assert figure.table
    assert {len(line) for line in figure.table} == {len(figure.headings)}
    assert "style=" not in figure.svg
    assert "<retrieval>" not in figure.svg


def test_the_heat_table_says_what_every_cell_says_of_its_goal() -> None:
    figure = heat_table(table(), weigh(table()), simulate(table(), 200))
    assert figure.headings == ("Goal", "A. Prompt", "B. Dense <retrieval>", "C. Tuned")
    assert figure.table[0] == (
        f"Accuracy (≥{NBSP}85{NBSP}%, a must, weight 1; worth nothing at 70{NBSP}%, all at "
        f"85{NBSP}%)",
        f"70.1{NBSP}% (65.0–74.9), not met",
        f"86.5{NBSP}% (82.1–90.0), not decisive",
        f"92.5{NBSP}% (89.0–95.0), met",
    )
    assert figure.table[1][1:] == (
        "no evidence",
        f"0.500{NBSP}USD (no interval), met",
        f"3{NBSP}USD (1.5–5), estimate, not decisive",
    )
    assert figure.table[2] == (
        "UX (weight 1; worth nothing at 1, all at 5)",
        "not rated",
        "4",
        "3.5",
    )
    assert [line[1] for line in figure.table[3:]] == ["out", "out"]
    assert "A. Prompt is out: it fails a must, Accuracy." in figure.description


def test_the_heat_table_reads_without_colour() -> None:
    figure = heat_table(table(), weigh(table()), simulate(table(), 200))
    svg = drawn(figure)
    signs = [one.get("class") for one in svg.iter(f"{SVG}g") if "verdict-" in one.get("class", "")]
    assert signs == [
        "verdict-missed",
        "verdict-open",
        "verdict-met",
        "verdict-met",
        "verdict-open",
    ]
    assert len([one for one in svg.iter(f"{SVG}rect") if one.get("class") == "fig-nothing"]) == 2
    assert {"A, out", "no evidence", "est. 1.5–5", "82.1–90.0"} <= set(texts(figure))


def test_for_pages_a_large_matrix_is_drawn_in_parts_that_fit_one() -> None:
    goals = [replace(rows()[1], key=str(at), name=f"Cost {at}") for at in range(34)]
    candidates = [Column(chr(65 + at), "A name on two lines, at least") for at in range(16)]
    large = make_table(goals, candidates, {(33, at): Cell(3, 2.5, 4) for at in range(16)})
    told = large, weigh(large), simulate(large, 10)
    figure = heat_table(*told, in_parts=True)
    drawings = [ElementTree.fromstring(one) for one in (figure.svg, *figure.further)]  # noqa: S314
    for one in drawings:
        points = 166 / 25.4 * 72 / float(one.get("width", "0"))  # on A4, for a unit
        assert float(one.get("height", "0")) * points < 560, "of the 652 that Letter has"
        assert 12.5 * points > 6, "the smallest letters can be read"
    words = [one.text or "" for drawing in drawings for one in drawing.iter(f"{SVG}text")]
    across = words.count("Cost 33")
    assert len(drawings) == 3 * across > 3
    assert all(words.count(f"Cost {at}") == across for at in range(34))
    assert all(words.count(one.letter) == 3 for one in candidates)
    assert words.count("Score of 100") == words.count("Chance to be best") == across
    titles = [one.findtext(f"{SVG}title", "") for one in drawings]
    assert titles[1] == f"{figure.title}, part 2 of {len(drawings)}"
    assert len({one.get("aria-labelledby") for one in drawings}) == len(set(titles)) == len(titles)
    assert [one.findtext(f"{SVG}desc") for one in drawings].count(figure.description) == 1
    assert not heat_table(*told).further
    small = make_table(goals[:12], candidates[:4], {})
    assert not heat_table(small, weigh(small), simulate(small, 10), in_parts=True).further


def test_the_more_a_value_is_worth_the_darker_is_its_cell() -> None:
    svg = drawn(heat_table(table(), weigh(table()), simulate(table(), 200)))
    shades = [
        float(one.get("fill-opacity", "0"))
        for one in svg.iter(f"{SVG}rect")
        if one.get("class") == "fig-worth"
    ]
    # Accuracy of A (out), B and C; cost of B and C; ratings of B and C.
    assert shades[0] < shades[4] < shades[3] == shades[1] == shades[2]


def test_the_tornado_shows_the_farthest_first_and_where_a_candidate_is_out() -> None:
    one = table()
    weighed = weigh(one)
    figure = tornado(one, weighed, swings(one, weighed))
    assert figure is not None
    assert figure.title == "How far B scores above the next, and what moves it"
    assert figure.table[0][0] == f"Accuracy of B (86.5{NBSP}%)"
    assert figure.table[0][3] == "out"
    assert figure.description.startswith(
        f"Accuracy of B (86.5{NBSP}%): at 82.1{NBSP}%, B misses a must and is out."
    )
    assert f"82.1{NBSP}%: out" in texts(figure)
    assert "B: Dense <retrieval> · C: Tuned" in texts(figure)


def test_a_bar_turns_colour_where_another_leads() -> None:
    one = make_table(rows()[1:2], COLUMNS[:2], {(0, 0): Cell(3, 2.5, 5.5), (0, 1): Cell(4)})
    weighed = weigh(one)
    bars = [
        rect.get("class")
        for rect in drawn(tornado(one, weighed, swings(one, weighed))).iter(f"{SVG}rect")
        if rect.get("class", "").startswith("fig-bar")
    ]
    assert bars == ["fig-bar-lost", "fig-bar"]


def weighing_of(*values: float | None) -> Weighing:
    """Return what comes of one goal, of which each candidate has a value or none."""
    cells = {(0, at): Cell(one, one - 2, one + 2, 9) for at, one in enumerate(values) if one}
    goal = goal_row("accuracy", "Accuracy", target=85, worst=70, at_least=True, unit="%")
    table = make_table([goal], COLUMNS[: len(values)], cells)
    return Weighing(Matrix(Decision(), table, {}, {}, ()))


def test_without_a_clear_winner_the_words_and_the_figures_name_none() -> None:
    clear, close, level = (weighing_of(84, other) for other in (75, 83.5, 84))
    assert (clear.order_title, clear.order_words) == ("What would flip it", "")
    assert close.order_title == level.order_title == "What would change the order"
    assert close.order_words.startswith("Nobody is clearly ahead. By the scores alone A comes")
    assert level.order_words.startswith("Nobody is clearly ahead: A and B have the same score.")
    for weighing, is_bold in ((clear, True), (close, False)):
        heat, _tornado = weighed_figures(weighing)
        (score,) = (one for one in drawn(heat.figure).iter(f"{SVG}text") if one.text == "93.3")
        assert (score.get("font-weight") == "600") == is_bold


@pytest.mark.parametrize("values", [(84,), (None, None), (60, 60)])
def test_one_alone_or_nobody_that_scored_has_no_order_to_change(
    values: tuple[float | None, ...],
) -> None:
    weighing = weighing_of(*values)
    assert not weighing.weighed.has_order
    assert [one.name for one in weighed_figures(weighing)] == ["matrix"]


def test_without_uncertainty_there_is_no_tornado() -> None:
    one = make_table(rows()[1:2], COLUMNS[:2], {(0, 0): Cell(3), (0, 1): Cell(4)})
    assert tornado(one, weigh(one), swings(one, weigh(one))) is None
    assert tornado(one, weigh(one.with_weights({"cost": 0})), []) is None


def test_what_is_not_rated_is_named_in_one_line_and_not_drawn() -> None:
    cells = {(0, 0): Cell(90, 86, 93, 200), (0, 1): Cell(88, 84, 91, 200)}
    many = [*rows()[:1], role_row("ux", "UX"), role_row("devops", "DevOps")]
    one = make_table(many, COLUMNS[:2], cells, [Rating(1, 0, "ease", 4)])
    figure = tornado(one, weigh(one), swings(one, weigh(one)))
    assert figure is not None
    assert [line[0][:13] for line in figure.table] == ["Accuracy of B"]
    unrated = "Not rated yet, so not drawn: UX of B; DevOps of A, B."
    assert figure.description.endswith(unrated)
    assert unrated in texts(figure)


def test_only_the_twelve_that_move_the_lead_most_are_drawn() -> None:
    many = [replace(rows()[1], key=str(at), name=f"Cost {at}") for at in range(15)]
    cells = {(at, 0): Cell(3, 2.5 - at / 20, 4) for at in range(15)} | {(0, 1): Cell(5)}
    one = make_table(many, COLUMNS[:2], cells)
    figure = tornado(one, weigh(one), swings(one, weigh(one)))
    assert figure is not None
    assert len(figure.table) == 12
    assert figure.description.endswith("more move it less.")


def test_the_scatter_tells_the_front_from_what_is_behind_it_by_shape() -> None:
    one = table()
    figure = pareto_scatter(one, pareto(one, 0, 1))
    assert figure is not None
    classes = [mark.get("class") for mark in drawn(figure).iter(f"{SVG}circle")]
    assert classes == ["fig-point", "fig-point"]
    assert figure.description.endswith("Not shown, as one of the two is not known: A.")
    worse = make_table(
        rows(),
        COLUMNS,
        {(0, 0): Cell(90, 88, 92), (0, 1): Cell(89, 86, 91), (0, 2): Cell(80, 78, 82)}
        | {(1, column): Cell(column + 1.0) for column in range(3)},
    )
    figure = pareto_scatter(worse, pareto(worse, 0, 1))
    assert figure is not None
    classes = [mark.get("class") for mark in drawn(figure).iter(f"{SVG}circle")]
    assert classes == ["fig-point", "fig-point-open", "fig-point-open", "fig-point"]
    assert "C. Tuned is beaten by A, B for certain." in figure.description
    assert [line[3] for line in figure.table] == ["–", "A", "A, B"]


def test_who_is_level_in_one_respect_is_beaten_and_who_is_out_beats_nobody() -> None:
    level = {(0, 0): Cell(80), (0, 1): Cell(90), (1, 0): Cell(2), (1, 1): Cell(2)}
    one = make_table(rows(), COLUMNS, level | {(0, 2): Cell(95), (1, 2): Cell(1)})
    figure = pareto_scatter(one, pareto(one, 0, 1, out=[2]))
    assert figure is not None
    assert figure.description == (
        "A. Prompt is beaten by B for certain. B. Dense <retrieval> is on the front. "
        "C. Tuned is out, as it fails a must."
    )
    assert [line[3] for line in figure.table] == ["B", "–", "out"]
    assert "C, out" in texts(figure)
    assert "in both" not in figure.description
    assert "at least as good in both respects and better in one" in pareto_legend()
    everyone = pareto_scatter(one, pareto(one, 0, 1, out=[0, 1, 2]))
    assert everyone is not None
    assert "fig-front" not in everyone.svg


def test_the_words_of_a_target_stand_where_the_other_targets_line_does_not_run() -> None:
    near, far = ({(1, 0): Cell(1), (1, 1): Cell(end)} for end in (2.2, 40.0))
    for cost, is_left in ((near, True), (far, False)):
        one = make_table(rows(), COLUMNS[:2], {(0, 0): Cell(80), (0, 1): Cell(90)} | cost)
        svg = drawn(pareto_scatter(one, pareto(one, 0, 1)))
        words = next(mark for mark in svg.iter(f"{SVG}text") if mark.text == f"≥{NBSP}85{NBSP}%")
        assert (float(words.get("x", "0")) < 300) == is_left


def test_a_metric_without_a_goal_has_no_target_in_the_scatter() -> None:
    plain = Row("cost", "Cost", "USD", nan, nan, at_least=False, weight=0)
    cells = {(0, 0): Cell(80), (0, 1): Cell(85), (1, 0): Cell(3), (1, 1): Cell(4)}
    one = make_table([rows()[0], plain], COLUMNS[:2], cells)
    figure = pareto_scatter(one, pareto(one, 0, 1))
    assert figure is not None
    lines = [mark for mark in drawn(figure).iter(f"{SVG}line") if mark.get("class") == "fig-target"]
    assert len(lines) == 1
    assert "nan" not in figure.svg


def test_one_candidate_alone_makes_no_scatter() -> None:
    one = make_table(rows(), COLUMNS, {(0, 0): Cell(80), (1, 0): Cell(3)})
    assert pareto_scatter(one, pareto(one, 0, 1)) is None


@pytest.mark.parametrize(
    "values",
    [(0.0, 0.0), (1e18, 1e-9), (-5.0, 5.0), (1e308, -1e308)],
    ids=["nothing", "far apart", "below zero", "the ends of numbers"],
)
def test_odd_values_still_make_drawings_inside_their_box(values: tuple[float, float]) -> None:
    odd = [replace(row, name="名前 " + "x" * 80) for row in rows()]
    columns = [Column("A", "اسم" * 30), Column("B")]
    cells = {
        (row, column): Cell(value, value - 1, value + 1, 9)
        for row in range(2)
        for column, value in enumerate(values)
    }
    for figure in figures(make_table(odd, columns, cells)):
        if figure:
            svg = drawn(figure)
            width = float(svg.get("width", "0"))
            assert all(0 <= float(one.get("x", "0")) <= width for one in svg.iter(f"{SVG}text"))
            assert "nan" not in figure.svg
            assert "inf" not in figure.svg


def test_a_share_that_is_hardly_any_is_not_said_to_be_none() -> None:
    assert percent(0.0) == "0\u00a0%"
    assert percent(0.0004) == "less than 0.1\u00a0%"
    assert percent(0.8999) == "89.9\u00a0%"
