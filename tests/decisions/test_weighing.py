"""Scores, draws and verdicts are what an independent computation says they are."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from decisions.weighing.cases import cases_to_tell
from decisions.weighing.draws import draw
from decisions.weighing.pareto import pareto
from decisions.weighing.scores import simulate, weigh
from decisions.weighing.table import (
    Cell,
    Column,
    Floats,
    Rating,
    Row,
    Source,
    Table,
    goal_row,
    make_table,
    role_row,
)
from decisions.weighing.verdict import verdict
from decisions.weighing.words import (
    cells_in_words,
    chance_words,
    chances_in_words,
    worth_words,
)

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


def test_an_estimate_without_ends_may_be_anything_and_a_must_of_it_met_or_missed() -> None:
    table = table_of([wide(0, 100), accuracy(is_must=True)], guesses(30, 95), 1)
    anything, must = draw(table, 20_000, np.random.default_rng(1))[:, 0]
    assert stats.kstest(anything, stats.triang(0.3).cdf).pvalue > 0.01
    assert set(must.tolist()) == {0.0, 1.0}
    assert must.mean() == pytest.approx(0.75, abs=0.02)


def guesses(*values: float) -> dict[tuple[int, int], Cell]:
    """Return estimates of A without ends, a row each."""
    return {(row, 0): Cell(value, is_estimate=True) for row, value in enumerate(values)}


def test_the_cells_of_one_source_are_lucky_together_and_no_others() -> None:
    rows = [wide(0, 100), replace(wide(1000, 0), key="ms", at_least=False), *3 * [wide(0, 100)]]
    rows = [replace(row, key=str(at)) for at, row in enumerate(rows)]
    run = Cell(50, 40, 60, 100, source="run")
    cells = {
        (0, 0): run,
        (1, 0): replace(run, value=500, low=450, high=600),
        (2, 0): replace(run, source="other"),
        (3, 0): replace(run, source=""),
        (4, 0): replace(run, is_estimate=True),
        (0, 1): run,
    }
    worths = draw(table_of(rows, cells, 2), 4000, np.random.default_rng(0))
    told = np.corrcoef([worths[at] for at in cells])
    assert told[0, 1] > 0.95
    apart = [told[0, at] for at in (2, 3, 4, 5)] + [told[2, 3]]
    assert np.abs(apart).max() < 0.06
    # Less is better: where accuracy is better than its value, so is latency.
    assert ((worths[0, 0] > 0.5) == (worths[1, 0] > 0.5)).all()


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
    """Return a table with a bit of everything: open and unknown musts, an estimate, a shared run.

    A has two open musts from two sources.
    """
    rows = [
        accuracy(3, is_must=True),
        latency(2),
        replace(accuracy(1), key="satisfaction", name="Satisfaction", is_must=True),
    ]
    cells = {
        (0, 0): Cell(93, 89, 95, 300),
        (0, 1): Cell(94, 92, 97, 300, source="run"),
        (0, 2): Cell(96, 92, 98, 300),
        (1, 0): Cell(300, 250, 500, is_estimate=True),
        (1, 1): Cell(500, 400, 900, 300, source="run"),
        (2, 0): Cell(93, 89, 97, 60),
        (2, 1): Cell(91, 85, 95, 40, source="run"),
    }
    return table_of(rows, cells)


def quantile(table: Table, row: int, column: int, chance: float) -> float:
    """Return below which value a cell lies with a chance: the slow way, from its distribution."""
    place = table.rows[row]
    value, low, high = (float(one[row, column]) for one in (table.value, table.low, table.high))
    if math.isnan(value):
        met = place.one if chance > 0.5 else place.zero
        return met if place.is_must else place.zero + chance * (place.one - place.zero)
    if math.isnan(low):
        return value
    if table.is_estimate[row, column]:
        peak = (value - low) / (high - low)
        if chance < peak:
            return low + math.sqrt(chance * peak) * (high - low)
        return high - math.sqrt((1 - chance) * (1 - peak)) * (high - low)
    z = NormalDist().inv_cdf(chance)
    return value + z / 1.96 * (value - low if z < 0 else high - value)


def worths_of(table: Table, source: Source, luck: float) -> list[float]:
    """Return what the cells of a source are worth if it is as lucky as that: all of them."""
    found = []
    for at in source.rows:
        row = table.rows[at]
        is_mirrored = not (row.at_least or table.is_unknown[at, source.column])
        sample = quantile(table, at, source.column, 1 - luck if is_mirrored else luck)
        sample = min(max(sample, row.lowest), row.highest)
        found.append(min(max((sample - row.zero) / (row.one - row.zero), 0.0), 1.0))
    return found


def evenly(parts: int) -> Floats:
    """Return the middles of that many equal parts of 0 to 1."""
    return (np.arange(parts) + 0.5) / parts


def slow_draws(table: Table, draws: int, seed: int) -> Floats:
    """Return what each cell is worth in each draw, (D, R, C); luck is spread out evenly."""
    found, rng = np.zeros((draws, *table.value.shape)), np.random.default_rng(seed)
    for source in table.sources:
        for at, luck in enumerate(rng.permutation(evenly(draws))):
            found[at, source.rows, source.column] = worths_of(table, source, luck)
    return found


def payoffs(table: Table, worths: Floats) -> Floats:
    """Return scores (D, C) for worths (D, R, C), 0 where a candidate fails a must."""
    fails = ((worths < 1) & table.is_open_must).any(axis=1) | table.is_out
    scores = np.einsum("r,drc->dc", table.weights / table.weights.sum(), worths)
    return np.where(fails, 0.0, scores)


def test_chances_are_those_of_a_simulation_draw_by_draw() -> None:
    table = small()
    scores = payoffs(table, slow_draws(table, 6000, 11))
    simulated = simulate(table, draws=100_000)
    assert simulated.nobody == pytest.approx((scores.max(axis=1) == 0).mean(), abs=0.01)
    for column in range(3):
        won = (scores[:, column] == scores.max(axis=1)) & (scores[:, column] > 0)
        assert simulated.best[column] == pytest.approx(won.mean(), abs=0.02)


def known(table: Table, draws: int = 50_000) -> dict[tuple[int, tuple[int, ...]], float]:
    """Return what it is worth to know each source, by its column and rows."""
    found = simulate(table, draws=draws).worth_knowing.tolist()
    return {(one.column, one.rows): worth for one, worth in zip(table.sources, found, strict=True)}


def test_the_worth_of_knowing_a_source_is_that_of_a_nested_simulation() -> None:
    table = small()
    draws = slow_draws(table, 3000, 3)
    found = known(table)
    telling = [place for place, worth in found.items() if worth]
    assert telling == [(0, (0,)), (0, (2,)), (1, (0, 1, 2)), (2, (1, 2))]
    for source in table.sources:
        nested = []
        for luck in evenly(60):
            inner = draws.copy()
            inner[:, source.rows, source.column] = worths_of(table, source, luck)
            nested.append(payoffs(table, inner).mean(axis=0))
        gained = np.max(nested, axis=1).mean() - np.mean(nested, axis=0).max()
        assert found[source.column, source.rows] == pytest.approx(gained, abs=0.003)


def test_a_cell_that_cannot_change_the_choice_is_not_worth_knowing() -> None:
    rows = [accuracy(9), latency(1)]
    cells = {(0, 0): Cell(90), (0, 1): Cell(70), (1, 0): Cell(500, 400, 600)}
    assert not any(known(table_of(rows, cells, 2)).values())


def test_the_same_seed_draws_the_same_whatever_the_weights() -> None:
    table = small()
    assert simulate(table).best.tolist() == simulate(table).best.tolist()
    assert simulate(table, seed=1).best.tolist() != simulate(table).best.tolist()
    heavier = table.with_weights({"latency": 4.0})
    one, other = (draw(each, 50, np.random.default_rng(0)) for each in (table, heavier))
    assert (one == other).all()


@st.composite
def told_of_one(draw: st.DrawFn) -> Cell | None:
    """Make what one source says of a goal from 0 to 100: measured, estimated, exact or nothing."""
    low, value, high = map(float, sorted(draw(st.tuples(*3 * [st.integers(0, 100)]))))
    known = Cell(value, low, high, 100, source="run")
    exact, estimated = Cell(value, n=100, source="run"), replace(known, is_estimate=True)
    return draw(st.sampled_from([known, known, estimated, exact, None]))


@given(st.data(), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_repeating_a_metric_never_makes_the_verdict_surer(data: st.DataObject, times: int) -> None:
    """The same figures under several names are still one measurement."""
    is_must = data.draw(st.booleans())
    told = data.draw(st.lists(told_of_one(), min_size=3, max_size=3))
    goal = goal_row("m", "M", target=80, worst=20, at_least=True, unit="%", is_must=is_must)
    found = []
    for copies in (1, times):
        rows = [replace(goal, key=str(at)) for at in range(copies)]
        cells = {(row, at): one for row in range(copies) for at, one in enumerate(told) if one}
        table = table_of(rows, cells)
        simulated = simulate(table, draws=2000)
        found.append((simulated, verdict(table, weigh(table), simulated)))
    (once, said_once), (often, said_often) = found
    assert often.best == pytest.approx(once.best, abs=0.002)
    assert often.worth_knowing == pytest.approx(once.worth_knowing, abs=1e-4)
    assert said_often.is_clear <= said_once.is_clear


def test_metrics_of_one_run_are_not_several_proofs() -> None:
    for copies in (1, 6):
        rows = [replace(accuracy(), key=str(at)) for at in range(copies)]
        cells = {
            (row, at): Cell(value, value - 4, value + 4, 300, source="run")
            for row in range(copies)
            for at, value in enumerate((84, 81.5))
        }
        table = table_of(rows, cells, 2)
        assert simulate(table).best[0] == pytest.approx(0.81, abs=0.01)
        assert not judged(table)[0]


def test_what_to_measure_is_a_source_named_by_the_goals_it_leaves_open() -> None:
    rows = [accuracy(3), replace(accuracy(2), key="f1", name="Macro F1"), latency()]
    cells = {
        (0, 0): Cell(84, 80, 88, 300, source="run"),
        (1, 0): Cell(83, 79, 87, 300, source="run"),
        (2, 0): Cell(150, 140, 160, 300, source="run"),
        (0, 1): Cell(83),
        (1, 1): Cell(83),
        (2, 1): Cell(150),
    }
    table = table_of(rows, cells, 2)
    helps = verdict(table, weigh(table), simulate(table)).helps
    assert helps is not None
    assert (helps.column, helps.rows) == (0, (0, 1))
    assert helps.words.startswith(
        "Measuring Accuracy, Macro F1 of A more closely would help most; they come from one "
        f"source, and so far they are 80.0–88.0{NBSP}%, 79.0–87.0{NBSP}%."
    )


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
    return found.is_clear, found.sentence, found.reasons, found.next_step


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
        f"A scores higher than B by 5.5{NBSP}% of its score, where 10{NBSP}% is asked for.",
    )
    assert helps == "No single measurement would change the choice."
    # Nor does measuring what is known nearly exactly, and cannot change places.
    for low, high in ((86.9, 87.1), (86.4, 87.6)):
        cells[0, 1] = Cell(87, low, high, 50_000)
        assert judged(table_of([accuracy()], cells, 2))[3] == helps


def test_a_margin_of_exactly_a_tenth_is_enough() -> None:
    is_clear, *_told = judged(table_of([accuracy()], {(0, 0): Cell(90), (0, 1): Cell(88)}, 2))
    assert is_clear


def test_what_a_row_counts_between_is_told() -> None:
    assert worth_words(accuracy()) == f"worth nothing at 70{NBSP}%, all at 90{NBSP}%"
    cost = goal_row("cost", "Cost", target=2, at_least=False, unit="USD")
    assert worth_words(cost) == (
        f"worth nothing at 4{NBSP}USD, all at 2{NBSP}USD, as no worst acceptable value is set"
    )


def test_a_target_of_0_without_a_worst_acceptable_value_is_told_as_it_counts() -> None:
    errors = goal_row("errors", "Errors", target=0, at_least=False, unit="%")
    assert worth_words(errors).startswith(f"worth nothing at 100{NBSP}%, all at 0{NBSP}%, as no")
    few, many = weigh(table_of([errors], {(0, 0): Cell(0.1), (0, 1): Cell(60)}, 2)).scores
    assert (few, many) == pytest.approx((0.999, 0.4))
    delay = goal_row("delay", "Delay", target=0, at_least=False, unit="ms")
    assert worth_words(delay).startswith(f"worth all at 0{NBSP}ms, nothing short of it, as no")


def test_a_cell_without_an_interval_says_so() -> None:
    cells = {(0, 0): Cell(91), (0, 1): Cell(91, 90, 92, 100), (0, 2): Cell(91, is_estimate=True)}
    ((exact, measured, guessed),) = cells_in_words(table_of([accuracy()], cells))
    assert (exact.second, measured.second) == ("no interval", "90.0–92.0")
    assert str(exact) == f"91.0{NBSP}% (no interval), met"
    assert str(guessed) == f"91{NBSP}%, estimate, not decisive"


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
        "About 880 cases would tell."
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
        f"target of 90{NBSP}%. About 4,100 cases would tell."
    )
    del cells[0, 0]
    _clear, _sentence, reasons, helps = judged(table_of(rows, cells, 2))
    assert "Nothing shows that A meets Accuracy, which is a must." in reasons
    assert helps == "Measuring Accuracy of A would help most: nothing is known."


def guess(value: float, low: float, high: float) -> Cell:
    """Return what a person estimates."""
    return Cell(value, low, high, is_estimate=True)


def test_an_estimate_never_meets_or_fails_a_must_for_certain() -> None:
    rows = [accuracy(is_must=True), latency()]
    cells = {
        (0, 0): guess(95, 92, 99),
        (0, 1): guess(60, 50, 70),
        (1, 0): Cell(200),
        (1, 1): Cell(900),
    }
    table = table_of(rows, cells, 2)
    assert weigh(table).is_out.tolist() == [False, False]
    assert table.is_open_must[0].tolist() == [True, True]
    is_clear, _sentence, reasons, helps = judged(table)
    assert not is_clear
    assert "That A meets Accuracy, which is a must, is only an estimate." in reasons
    assert helps == (
        f"Measuring Accuracy of A would help most: it is only an estimate, 92–99{NBSP}%."
    )
    # What was measured meets and fails it.
    cells |= {(0, 0): Cell(95, 92, 99, 300), (0, 1): Cell(85, 80, 89, 300)}
    assert table_of(rows, cells, 2).is_out.tolist() == [False, True]


def test_a_lead_that_rests_on_estimates_is_no_clear_win() -> None:
    rows = [accuracy(1), latency(1)]
    cells = {
        (0, 0): Cell(88, 87, 89, 900),
        (0, 1): Cell(78, 77, 79, 900),
        (1, 0): guess(240, 230, 250),
        (1, 1): Cell(720),
    }
    assert judged(table_of(rows, cells, 2))[2] == (
        f"54.5{NBSP}% of what A scores above B rests on estimates.",
    )
    # Whosever estimate it is; and one that speaks against the leader is none it rests on.
    swapped = cells | {(1, 0): Cell(240), (1, 1): guess(720, 700, 740)}
    assert judged(table_of(rows, swapped, 2))[2] == judged(table_of(rows, cells, 2))[2]
    slower = cells | {(0, 1): Cell(71, 70, 72, 900), (1, 0): guess(480, 470, 490)}
    slower[1, 1] = Cell(400)
    assert judged(table_of(rows, slower, 2))[0]
    slight = table_of([accuracy(19), latency(1)], cells, 2)
    assert judged(slight)[0]
    found = verdict(slight, weigh(slight), simulate(slight))
    assert found.caveats == ("It rests on 1 estimate.",)


def test_what_is_out_of_date_is_said_of_a_clear_win_too() -> None:
    cells = {(0, 0): Cell(89, is_stale=True), (0, 1): Cell(75, is_stale=True)}
    table = table_of([accuracy()], cells, 2)
    found = verdict(table, weigh(table), simulate(table))
    assert found.is_clear
    assert found.caveats == ("It rests on 2 figures that are out of date.",)


def test_the_only_candidate_left_is_no_winner() -> None:
    cells = {(0, 0): Cell(92), (0, 1): Cell(60)}
    is_clear, sentence, reasons, helps = judged(table_of([accuracy(is_must=True)], cells, 2))
    assert not is_clear
    assert sentence == (
        "A. Prompt is the only candidate left; there is nothing to compare it with."
    )
    assert (reasons, helps) == ((), "")
    cells[0, 0] = Cell(92, 88, 95, 100)
    _clear, _sentence, reasons, helps = judged(table_of([accuracy(is_must=True)], cells, 2))
    assert reasons == ("Whether A meets Accuracy, which is a must, is not decisive.",)
    assert helps.startswith("Measuring Accuracy of A more closely would help most")


def test_who_lacks_evidence_that_the_leader_has_may_still_win() -> None:
    rows = [accuracy(9), latency(1)]
    cells = {(0, 0): Cell(88), (0, 1): Cell(75), (1, 0): Cell(300)}
    assert judged(table_of(rows, cells, 2))[0]
    heavier = table_of([accuracy(1), latency(1)], cells | {(1, 0): Cell(900)}, 2)
    is_clear, _sentence, reasons, helps = judged(heavier)
    assert not is_clear
    assert reasons[-1] == (
        "Nothing is known of B in Latency; with the best values there it would win."
    )
    assert helps == "Measuring Latency of B would help most: nothing is known."


def test_a_candidate_of_which_a_must_is_unknown_is_not_called_the_best() -> None:
    rows = [accuracy(is_must=True), latency(1)]
    cells = {(0, 0): Cell(91, 88, 93, 300), (1, 0): Cell(900), (1, 1): Cell(200), (1, 2): Cell(880)}
    cells[0, 2] = Cell(90.5, 88, 93, 300)
    table = table_of(rows, cells)
    simulated = simulate(table)
    assert simulated.best[1] > max(simulated.best[0], simulated.best[2])
    assert [chance_words(table, simulated, at) for at in range(3)][1] == "–"
    assert not any("B is the best" in one for one in judged(table)[2])
    unproven, nobody = chances_in_words(table, simulated)
    assert unproven.startswith(("In 49.", "In 50"))
    assert nobody.endswith("of draws every candidate fails a must.")
    assert simulated.best.sum() + simulated.nobody == pytest.approx(1)


@pytest.mark.parametrize(("share", "n"), [(0.92, 400), (0.88, 500)])
def test_as_many_cases_as_are_told_show_in_four_of_five_whether_a_must_is_met(
    share: float, n: int
) -> None:
    table = table_of([accuracy(is_must=True)], {(0, 0): share_of(share * n, n)}, 1)
    helps = verdict(table, weigh(table), simulate(table)).helps
    assert helps is not None
    assert helps.cases is not None
    found = np.random.default_rng(0).binomial(helps.cases, share, 300)
    cells = [share_of(hits, helps.cases) for hits in found]
    tables = (table_of([accuracy(is_must=True)], {(0, 0): cell}, 1) for cell in cells)
    decided = [not table.is_open_must[0, 0] for table in tables]
    assert np.mean(decided) == pytest.approx(0.8, abs=0.07)


def test_as_many_cases_as_are_told_show_in_four_of_five_who_is_ahead() -> None:
    cells = {(0, 0): share_of(126, 150), (0, 1): share_of(2400, 3000)}
    table = table_of([accuracy()], cells, 2)
    helps = verdict(table, weigh(table), simulate(table)).helps
    assert helps is not None
    assert (helps.column, helps.rows) == (0, (0,))
    assert helps.cases is not None
    told = []
    for hits in np.random.default_rng(0).binomial(helps.cases, 0.84, 200):
        again = table_of([accuracy()], cells | {(0, 0): share_of(hits, helps.cases)}, 2)
        told.append(simulate(again, draws=1000).best[0] >= 0.9)
    assert np.mean(told) == pytest.approx(0.8, abs=0.08)


def test_no_number_of_cases_tells_what_the_other_keeps_open() -> None:
    cells = {(0, 0): share_of(126, 150), (0, 1): share_of(123, 150)}
    table = table_of([accuracy()], cells, 2)
    helps = verdict(table, weigh(table), simulate(table)).helps
    assert helps is not None
    assert helps.cases is None


@pytest.mark.parametrize("value", [1e300, 90 + 1e-200, 90.0, -1e18])
def test_odd_values_have_a_number_of_cases_within_reason_or_none(value: float) -> None:
    cells = {(0, 0): Cell(value, -1e300, 1e300, 9), (0, 1): Cell(80, 70, 90, 9)}
    for is_must in (False, True):
        table = table_of([accuracy(is_must=is_must)], cells, 2)
        source = table.sources[0]
        found = cases_to_tell(table, weigh(table), simulate(table, 200), source, 0.9)
        assert found is None or 9 < found <= 10_000_000


def share_of(hits: float, n: int) -> Cell:
    """Return a measured share in percent with its Wilson interval."""
    share, z = hits / n, 1.959964
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    arm = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Cell(100 * share, 100 * (middle - arm), 100 * (middle + arm), n)


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
    assert judged(table)[3] == "What UX says of B would help most."


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
    # For certain only in both respects: here the latencies may be level.
    cells[1, 2] = Cell(400, 310, 410)
    assert pareto(table_of([accuracy(), latency()], cells), 0, 1).points[2].for_certain == ()
    del cells[1, 2]
    assert pareto(table_of([accuracy(), latency()], cells), 0, 1).left_out == (2,)


def test_equal_candidates_do_not_dominate_each_other() -> None:
    cells = {(row, column): Cell(80) for row in range(2) for column in range(2)}
    front = pareto(table_of([accuracy(), latency()], cells, 2), 0, 1)
    assert all(point.is_on_front for point in front.points)
