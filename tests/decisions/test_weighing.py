"""Scores, draws and verdicts are what an independent computation says they are."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from decisions.weighing.draws import draw
from decisions.weighing.pareto import pareto
from decisions.weighing.scores import simulate, weigh
from decisions.weighing.table import (
    Cell,
    Column,
    Floats,
    Rating,
    Row,
    Table,
    goal_row,
    make_table,
    role_row,
)
from decisions.weighing.verdict import most_helpful, verdict
from decisions.weighing.words import worth_words

NBSP = "\u00a0"
A, B, C = Column("A", "Prompt"), Column("B", "RAG"), Column("C", "Tuned")


def accuracy(weight: float = 1.0, *, is_must: bool = False) -> Row:
    """Return a goal of at least 90 %, of which 70 % is the worst acceptable."""
    return goal_row(
        "accuracy",
        "Accuracy",
        target=90,
        worst=70,
        at_least=True,
        unit="%",
        weight=weight,
        is_must=is_must,
    )


def latency(weight: float = 1.0, *, is_must: bool = False) -> Row:
    """Return a goal of at most 200 ms, of which 1,000 ms is the worst acceptable."""
    return goal_row(
        "latency",
        "Latency",
        target=200,
        worst=1000,
        at_least=False,
        unit="ms",
        weight=weight,
        is_must=is_must,
    )


def table_of(rows: Sequence[Row], cells: Mapping[tuple[int, int], Cell], columns: int = 3) -> Table:
    """Return a table of A, B and C."""
    return make_table(rows, (A, B, C)[:columns], cells)


# What a value is worth


def test_a_value_is_worth_more_the_nearer_it_is_to_the_target_either_way() -> None:
    table = table_of(
        [accuracy(), latency()],
        {
            (0, 0): Cell(80),
            (0, 1): Cell(65),
            (0, 2): Cell(99),
            (1, 0): Cell(200),
            (1, 1): Cell(600),
            (1, 2): Cell(1200),
        },
    )
    assert weigh(table).utilities.tolist() == [[0.5, 0.0, 1.0], [1.0, 0.5, 0.0]]


def test_without_a_worst_acceptable_value_a_goal_counts_from_nothing() -> None:
    least = goal_row("throughput", "Throughput", target=40, at_least=True)
    most = goal_row("cost", "Cost", target=40, at_least=False)
    assert (least.zero, most.zero) == (0, 80)
    assert not least.has_worst
    below_zero = goal_row("lift", "Lift", target=-5, at_least=True)
    assert below_zero.zero == -10


def test_where_the_worst_acceptable_value_is_the_target_a_value_is_worth_nothing_or_all() -> None:
    rows = [replace(accuracy(), zero=90), replace(latency(), zero=200)]
    cells = {(0, 0): Cell(90), (0, 1): Cell(89.9), (1, 0): Cell(200), (1, 1): Cell(201)}
    assert weigh(table_of(rows, cells, 2)).utilities.tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_what_is_not_known_is_worth_nothing() -> None:
    weighed = weigh(table_of([accuracy(), latency(3)], {(0, 0): Cell(90), (1, 1): Cell(600)}, 2))
    assert weighed.scores.tolist() == [0.25, 0.375]
    assert weighed.order == (1, 0)


def test_the_rows_of_roles_are_the_means_of_their_ratings() -> None:
    ratings = [
        Rating(0, 0, "fit", 5),
        Rating(0, 0, "risk", 4),
        Rating(0, 1, "fit", 1),
    ]
    table = make_table([role_row("ux", "UX", weight=2)], [A, B], {}, ratings)
    assert table.value[0].tolist() == [4.5, 1.0]
    assert weigh(table).scores.tolist() == [0.875, 0.0]


def test_a_candidate_that_fails_a_must_is_out_and_comes_last() -> None:
    rows = [accuracy(is_must=True), latency()]
    cells = {
        (0, 0): Cell(80, 78, 82),
        (0, 1): Cell(91, 89, 93),
        (0, 2): Cell(95, 94, 96),
        (1, 0): Cell(200),
        (1, 1): Cell(900),
        (1, 2): Cell(950),
    }
    table = table_of(rows, cells)
    weighed = weigh(table)
    assert weighed.is_out.tolist() == [True, False, False]
    assert weighed.order == (1, 2, 0)
    assert table.is_open_must.tolist() == [[False, True, False], [False] * 3]


def test_equal_candidates_keep_their_order_and_have_no_margin() -> None:
    thirds = [replace(accuracy(), key=str(at), weight=0.1 + at * 0.1) for at in range(3)]
    # 0.1 + 0.2 is not quite 0.3 to a computer.
    cells = {(2, 0): Cell(90), (0, 1): Cell(90), (1, 1): Cell(90)}
    weighed = weigh(table_of(thirds, cells, 2))
    assert (weighed.leader, weighed.runner_up) == (0, 1)
    assert weighed.margin == pytest.approx(0, abs=1e-12)


def test_the_margin_is_a_share_of_the_leaders_score() -> None:
    weighed = weigh(table_of([accuracy()], {(0, 0): Cell(86), (0, 1): Cell(84)}, 2))
    assert weighed.margin == pytest.approx((0.8 - 0.7) / 0.8)
    assert weigh(table_of([accuracy()], {(0, 0): Cell(86)}, 1)).margin == 1.0


def test_without_weights_nobody_leads() -> None:
    weighed = weigh(table_of([accuracy(0)], {(0, 0): Cell(86)}, 2))
    assert (weighed.leader, weighed.margin) == (None, 0.0)


def test_a_weight_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="weight"):
        accuracy(-1)
    with pytest.raises(ValueError, match="weight"):
        table_of([accuracy()], {}).with_weights({"accuracy": math.nan})


# Draws


def wide(low: float, high: float) -> Row:
    """Return a goal in which no draw is clipped."""
    return Row("m", "M", zero=low, one=high)


def drawn(row: Row, cell: Cell, draws: int = 200_000) -> Floats:
    """Return draws of one cell, in its unit."""
    table = make_table([row], [A], {(0, 0): cell})
    worth = draw(table, draws, np.random.default_rng(5))[0, 0].astype(np.float64)
    return row.zero + worth * (row.one - row.zero)


@pytest.mark.parametrize(("zero", "one"), [(0.0, 100.0), (100.0, 0.0)])
def test_a_measured_value_is_drawn_from_two_halves_of_normals(zero: float, one: float) -> None:
    values = drawn(wide(zero, one), Cell(50, 40, 70, 100))
    below, above = 10 / stats.norm.ppf(0.975), 20 / stats.norm.ppf(0.975)
    halves = stats.halfnorm(scale=below), stats.halfnorm(scale=above)
    assert np.quantile(values, [0.025, 0.5, 0.975]) == pytest.approx([40, 50, 70], abs=0.3)
    assert values.mean() == pytest.approx(50 + (halves[1].mean() - halves[0].mean()) / 2, abs=0.06)
    second = (halves[0].moment(2) + halves[1].moment(2)) / 2
    assert ((values - 50) ** 2).mean() == pytest.approx(second, rel=0.02)
    falls = 50 - values[values < 50]
    assert stats.kstest(falls[:5000], halves[0].cdf).pvalue > 0.01


@pytest.mark.parametrize(("low", "likely", "high"), [(10, 30, 90), (10, 10, 40), (20, 60, 60)])
def test_an_estimate_is_drawn_from_a_triangle(low: float, likely: float, high: float) -> None:
    values = drawn(wide(0, 100), Cell(likely, low, high, is_estimate=True), 20_000)
    triangle = stats.triang((likely - low) / (high - low), low, high - low)
    assert stats.kstest(values, triangle.cdf).pvalue > 0.01


def test_what_has_no_interval_stays_as_it_is() -> None:
    assert set(drawn(wide(0, 100), Cell(25), 100)) == {25.0}
    assert set(drawn(wide(0, 100), Cell(25, 25, 25, is_estimate=True), 100)) == {25.0}


def test_draws_stay_within_what_a_metric_can_be() -> None:
    beyond = replace(wide(0, 200), lowest=0, highest=100)
    values = drawn(beyond, Cell(99, 90, 105))
    assert values.max() == pytest.approx(100)


def test_what_is_unknown_may_be_anything_and_an_unknown_must_is_met_at_even_odds() -> None:
    table = table_of([latency(), accuracy(is_must=True)], {}, 1)
    anything, even = draw(table, 20_000, np.random.default_rng(1))[:, 0]
    assert stats.kstest(anything, stats.uniform.cdf).pvalue > 0.01
    assert set(even.tolist()) == {0.0, 1.0}
    assert even.mean() == pytest.approx(0.5, abs=0.02)


# How sure a ranking is


def test_the_chance_of_being_best_is_that_of_two_normals() -> None:
    row = wide(0, 100)
    table = table_of([row], {(0, 0): Cell(52, 46, 58), (0, 1): Cell(50, 47, 53)}, 2)
    deviation = math.hypot(6, 3) / stats.norm.ppf(0.975)
    simulated = simulate(table, draws=100_000)
    assert simulated.best[0] == pytest.approx(stats.norm.cdf(2 / deviation), abs=0.005)
    assert simulated.best.sum() == pytest.approx(1)


def small() -> Table:
    """Return a table with a bit of everything: open and unknown musts, an estimate, a gap."""
    rows = [
        accuracy(3, is_must=True),
        latency(2),
        replace(accuracy(1), key="satisfaction", name="Satisfaction", is_must=True),
    ]
    cells = {
        (0, 0): Cell(91, 88, 94, 300),
        (0, 1): Cell(95, 93, 97, 300),
        (0, 2): Cell(96, 92, 98, 300),
        (1, 0): Cell(300, 250, 500, is_estimate=True),
        (1, 1): Cell(700, 600, 900, 300),
        (2, 0): Cell(99),
        (2, 1): Cell(91, 85, 95, 40),
    }
    return table_of(rows, cells)


def one_draw(table: Table, rng: np.random.Generator) -> list[list[float]]:
    """Return what each cell is worth in one draw, computed the slow way."""
    found = []
    for at, row in enumerate(table.rows):
        line = []
        for column in range(len(table.columns)):
            value, low, high = (
                float(part[at, column]) for part in (table.value, table.low, table.high)
            )
            if math.isnan(value):
                line.append(float(rng.random() < 0.5) if row.is_must else rng.random())
                continue
            if math.isnan(low):
                sample = value
            elif table.is_estimate[at, column]:
                sample = rng.triangular(low, value, high)
            else:
                z = rng.standard_normal()
                sample = value + z / 1.96 * (value - low if z < 0 else high - value)
            sample = min(max(sample, row.lowest), row.highest)
            line.append(min(max((sample - row.zero) / (row.one - row.zero), 0.0), 1.0))
        found.append(line)
    return found


def payoffs(table: Table, worths: Floats) -> Floats:
    """Return scores (D, C) for worths (D, R, C), 0 where a candidate fails a must."""
    fails = ((worths < 1) & table.is_open_must).any(axis=1) | table.is_out
    scores = np.einsum("r,drc->dc", table.weights / table.weights.sum(), worths)
    return np.where(fails, 0.0, scores)


def test_chances_and_expected_scores_are_those_of_a_simulation_draw_by_draw() -> None:
    table, rng = small(), np.random.default_rng(11)
    scores = payoffs(table, np.array([one_draw(table, rng) for _draw in range(6000)]))
    simulated = simulate(table, draws=100_000)
    assert simulated.expected == pytest.approx(scores.mean(axis=0), abs=0.015)
    nobody = (scores.max(axis=1) == 0).mean()
    assert simulated.nobody == pytest.approx(nobody, abs=0.02)
    for column in range(3):
        won = (scores[:, column] == scores.max(axis=1)) & (scores[:, column] > 0)
        assert simulated.best[column] == pytest.approx(won.mean(), abs=0.02)


def test_the_worth_of_knowing_a_cell_is_that_of_a_nested_simulation() -> None:
    table, rng = small(), np.random.default_rng(3)
    draws = np.array([one_draw(table, rng) for _draw in range(2000)])
    now = payoffs(table, draws).mean(axis=0).max()
    found = simulate(table, draws=50_000).worth_knowing
    for row, column in [(0, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 0)]:
        known = []
        for outer in draws[:120, row, column]:
            inner = draws.copy()
            inner[:, row, column] = outer
            known.append(payoffs(table, inner).mean(axis=0).max())
        noise = 3 * np.std(known) / math.sqrt(len(known)) + 0.004
        assert found[row, column] == pytest.approx(max(np.mean(known) - now, 0), abs=noise)


def test_a_cell_that_cannot_change_the_choice_is_not_worth_knowing() -> None:
    rows = [accuracy(9), latency(1)]
    cells = {(0, 0): Cell(90), (0, 1): Cell(70), (1, 0): Cell(500, 400, 600)}
    assert simulate(table_of(rows, cells, 2)).worth_knowing.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_same_seed_draws_the_same_whatever_the_weights() -> None:
    table = small()
    assert simulate(table).best.tolist() == simulate(table).best.tolist()
    assert simulate(table, seed=1).best.tolist() != simulate(table).best.tolist()
    heavier = table.with_weights({"latency": 4.0})
    one, other = (draw(each, 50, np.random.default_rng(0)) for each in (table, heavier))
    assert (one == other).all()


def test_candidates_that_are_level_share_a_draw() -> None:
    assert simulate(
        table_of([accuracy()], {(0, 0): Cell(95), (0, 1): Cell(99)}, 2)
    ).best.tolist() == [0.5, 0.5]


def test_a_table_without_candidates_or_goals_weighs_nothing() -> None:
    empty = table_of([accuracy()], {}, 0)
    assert simulate(empty).nobody == 1
    assert weigh(empty).order == ()
    assert verdict(empty, weigh(empty), simulate(empty)).reasons == (
        "There is no candidate to weigh.",
    )
    without = table_of([], {}, 2)
    assert verdict(without, weigh(without), simulate(without)).reasons == (
        "Nothing has a weight, so nothing is weighed.",
    )


# Verdicts


def judged(table: Table) -> tuple[bool, str, tuple[str, ...], str]:
    """Return whether a table has a clear winner, and what is said of it."""
    found = verdict(table, weigh(table), simulate(table))
    return found.is_clear, found.sentence, found.reasons, found.helps.words if found.helps else ""


def test_a_clear_winner_leads_by_a_tenth_and_is_nearly_always_the_best() -> None:
    cells = {(0, 0): Cell(78, 76, 80, 400), (0, 1): Cell(88, 86, 90, 400)}
    is_clear, sentence, reasons, helps = judged(table_of([accuracy()], cells, 2))
    assert is_clear
    assert sentence == (
        f"B. RAG is the clear winner: ahead of A by 55.5{NBSP}% of its score, and the best in "
        f"100{NBSP}% of 10,000 draws."
    )
    assert (reasons, helps) == ((), "")


def test_a_small_margin_is_no_clear_win() -> None:
    cells = {(0, 0): Cell(88), (0, 1): Cell(87)}
    is_clear, sentence, reasons, helps = judged(table_of([accuracy()], cells, 2))
    assert not is_clear
    assert sentence == "No clear winner."
    assert reasons == (
        f"A is ahead of B by 5.5{NBSP}% of its score, where 10{NBSP}% is asked for.",
    )
    assert helps == ""


def test_a_margin_of_exactly_a_tenth_is_enough() -> None:
    is_clear, *_told = judged(table_of([accuracy()], {(0, 0): Cell(90), (0, 1): Cell(88)}, 2))
    assert is_clear


def test_what_a_row_counts_between_is_told() -> None:
    assert worth_words(accuracy()) == f"worth nothing at 70{NBSP}%, all at 90{NBSP}%"
    cost = goal_row("cost", "Cost", target=2, at_least=False, unit="USD")
    assert worth_words(cost) == (
        f"worth nothing at 4{NBSP}USD, all at 2{NBSP}USD, as no worst acceptable value is set"
    )


def test_an_uncertain_lead_is_no_clear_win_and_says_what_would_tell() -> None:
    cells = {(0, 0): Cell(82, 77, 87, 100), (0, 1): Cell(80, 79, 81, 3000)}
    is_clear, _sentence, reasons, helps = judged(table_of([accuracy()], cells, 2))
    assert not is_clear
    assert len(reasons) == 1
    assert re.fullmatch(
        rf"Within what the evidence leaves open, A is the best in 7\d\.?\d?{NBSP}% of "
        rf"10,000 draws, where 90{NBSP}% is asked for\.",
        reasons[0],
    )
    assert helps == (
        f"Measuring Accuracy of A more closely would help most: so far it is 77.0–87.0{NBSP}%. "
        "About 630 cases would tell."
    )


def test_another_that_is_best_more_often_is_named() -> None:
    rows = [accuracy(1), latency(1)]
    cells = {(0, 0): Cell(90), (0, 1): Cell(89), (1, 0): Cell(1000), (1, 2): Cell(990)}
    _clear, _sentence, reasons, helps = judged(table_of(rows, cells))
    assert any(one.startswith("B is the best more often, in ") for one in reasons)
    assert helps == "Measuring Latency of B would help most: nothing is known."


def test_a_must_that_is_open_or_unknown_holds_a_clear_win_back() -> None:
    rows = [accuracy(is_must=True), replace(latency(9), is_must=False)]
    cells = {(0, 0): Cell(91, 89, 93, 500), (1, 0): Cell(200), (0, 1): Cell(95), (1, 1): Cell(900)}
    _clear, _sentence, reasons, helps = judged(table_of(rows, cells, 2))
    assert "Whether A meets Accuracy, which is a must, is not decisive." in reasons
    assert helps == (
        f"Measuring Accuracy of A more closely would help most: 89.0–93.0{NBSP}% crosses the "
        f"target of 90{NBSP}%. About 2,000 cases would tell."
    )
    del cells[0, 0]
    _clear, _sentence, reasons, helps = judged(table_of(rows, cells, 2))
    assert "Nothing shows that A meets Accuracy, which is a must." in reasons
    assert helps == "Measuring Accuracy of A would help most: nothing is known."


def test_where_every_candidate_fails_a_must_there_is_no_winner() -> None:
    cells = {(0, 0): Cell(60), (0, 1): Cell(61)}
    _clear, _sentence, reasons, helps = judged(table_of([accuracy(is_must=True)], cells, 2))
    assert (reasons, helps) == (("Every candidate fails a must.",), "")


def test_an_estimate_is_called_one_when_it_is_what_to_measure() -> None:
    cells = {(0, 0): Cell(500, 300, 900, is_estimate=True), (0, 1): Cell(550)}
    _clear, _sentence, _reasons, helps = judged(table_of([latency()], cells, 2))
    assert helps == (
        f"Measuring Latency of A would help most: it is only an estimate, 300–900{NBSP}ms."
    )


def test_a_missing_rating_may_be_what_would_help_most() -> None:
    table = make_table([role_row("ux", "UX")], [A, B], {}, [Rating(0, 0, "fit", 3)])
    helps = most_helpful(table, weigh(table), simulate(table))
    assert helps is not None
    assert helps.words == "What UX says of B would help most."


# Two respects at once


def test_the_front_holds_whom_nobody_beats_in_both_respects() -> None:
    cells = {
        (0, 0): Cell(80, 78, 82),
        (1, 0): Cell(300, 280, 320),
        (0, 1): Cell(90, 88, 92),
        (1, 1): Cell(900, 880, 920),
        (0, 2): Cell(79, 77, 81),
        (1, 2): Cell(310, 305, 315),
    }
    table = table_of([accuracy(), latency()], cells)
    front = pareto(table, 0, 1)
    assert [point.is_on_front for point in front.points] == [True, True, False]
    assert (front.points[2].dominated_by, front.points[2].for_certain) == ((0,), ())
    cells[0, 2], cells[1, 2] = Cell(75, 74, 76), Cell(400, 390, 410)
    assert pareto(table_of([accuracy(), latency()], cells), 0, 1).points[2].for_certain == (0,)
    del cells[1, 2]
    assert pareto(table_of([accuracy(), latency()], cells), 0, 1).left_out == (2,)


def test_equal_candidates_do_not_dominate_each_other() -> None:
    cells = {(row, column): Cell(80) for row in range(2) for column in range(2)}
    front = pareto(table_of([accuracy(), latency()], cells, 2), 0, 1)
    assert all(point.is_on_front for point in front.points)
