"""What would change the winner, held against weighing everything anew."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.weighing.flips import lone_weight, rating_flips, swings, weight_flips
from decisions.weighing.scores import weigh
from decisions.weighing.table import Cell, Column, Rating, Row, Table, make_table, role_row

NEARLY = 1e-6
STEPS = 20

WEIGHTS = st.one_of(st.sampled_from([0.0, 1.0, 100.0]), st.integers(0, 200).map(lambda at: at / 20))


@st.composite
def tables(draw: st.DrawFn, most_columns: int = 5) -> Table:
    """Make tables with ties, gaps, failed musts, weights of zero and goals either way."""
    places, columns = draw(st.integers(1, 5)), draw(st.integers(2, most_columns))
    rows = []
    for at in range(places):
        ends = draw(st.sampled_from([(0.0, float(STEPS)), (float(STEPS), 0.0)]))
        is_must = draw(st.sampled_from([False, False, False, True]))
        rows.append(Row(str(at), f"Row {at}", "", *ends, ends[0] < ends[1], draw(WEIGHTS), is_must))
    known = st.none() | st.integers(0, STEPS).map(float)
    cells = {
        (row, column): Cell(value)
        for row in range(places)
        for column in range(columns)
        if (value := draw(known)) is not None
    }
    letters = [Column(letter) for letter in "ABCDEFGH"[:columns]]
    return make_table(rows, letters, cells)


def winner(table: Table, row: int, weight: float) -> int | None:
    """Return who leads with another weight of one row."""
    return weigh(table.with_weights({table.rows[row].key: weight})).leader


@given(tables())
@settings(max_examples=200, deadline=None)
def test_just_past_a_flip_another_wins_and_just_before_it_nobody_else_does(table: Table) -> None:
    weighed = weigh(table)
    for flip in weight_flips(table, weighed):
        past = NEARLY if flip.rises else -NEARLY
        if 0 <= flip.weight + past <= 100:
            assert winner(table, flip.row, flip.weight + past) == flip.by
        if flip.change > NEARLY:
            assert winner(table, flip.row, flip.weight - past) == weighed.leader
        assert winner(table, flip.row, (flip.now + flip.weight) / 2) == weighed.leader
        assert winner(table, flip.row, flip.shown) == flip.by


@given(tables(), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_without_a_flip_no_weight_changes_the_winner(table: Table, quarter: int) -> None:
    weighed = weigh(table)
    if weighed.leader is None:
        return
    flips = {(flip.row, flip.rises) for flip in weight_flips(table, weighed)}
    for row, place in enumerate(table.rows):
        for weight in (quarter / 4, 0.0, 100.0):
            if (row, weight > place.weight) not in flips:
                scores = weigh(table.with_weights({place.key: weight})).scores
                # Being level with another is not yet being overtaken.
                assert scores[weighed.leader] >= scores[~table.is_out].max() - NEARLY**2


def two(latency_weight: float = 1.0) -> Table:
    """Return a table in which A is accurate and B is fast."""
    rows = [
        Row("accuracy", "Accuracy", "%", 70, 90, weight=2.0),
        Row("latency", "Latency", "ms", 1000, 200, at_least=False, weight=latency_weight),
    ]
    cells = {
        (0, 0): Cell(88, 86, 90, 500),
        (0, 1): Cell(80, 78, 82, 500),
        (1, 0): Cell(700),
        (1, 1): Cell(300, 250, 350, is_estimate=True),
    }
    return make_table(rows, [Column("A"), Column("B")], cells)


def test_a_flip_is_told_with_the_first_round_weight_past_it() -> None:
    table = two()
    weighed = weigh(table)
    falls, rises = weight_flips(table, weighed)
    assert (falls.weight, rises.weight) == (1.25, 1.6)
    assert falls.words(table, weighed) == (
        "A comes first unless the weight of Accuracy falls from 2 to 1.24 or less; then B does."
    )
    assert rises.words(table, weighed) == (
        "A comes first unless the weight of Latency rises from 1 to 1.61 or more; then B does."
    )


def test_where_candidates_are_level_the_least_change_decides() -> None:
    table = two(1.6)
    weighed = weigh(table)
    assert (weighed.leader, weighed.margin) == (0, 0.0)
    flips = weight_flips(table, weighed)
    assert [(flip.change, flip.by) for flip in flips] == [(0, 1), (0, 1)]
    assert flips[1].words(table, weighed) == (
        "A and B are level: with a weight of Latency of 1.61, B comes first."
    )


def test_the_only_weight_there_is_is_named() -> None:
    table = two()
    assert lone_weight(table) is None
    assert lone_weight(table.with_weights({"latency": 0.0})) == 0
    assert lone_weight(table.with_weights({"accuracy": 0.0, "latency": 0.0})) is None


def test_a_weight_that_would_have_to_vanish_is_told_so() -> None:
    table = two()
    cells = {(0, 0): Cell(90), (0, 1): Cell(70), (1, 0): Cell(204), (1, 1): Cell(200)}
    slight = make_table(table.rows, table.columns, cells)
    weighed = weigh(slight)
    # Latency would have to weigh 400; a weight goes up to 100.
    (falls,) = weight_flips(slight, weighed)
    assert falls.words(slight, weighed).endswith("falls from 2 to 0; then B does.")


def rated() -> Table:
    """Return a table in which two roles rated A and B."""
    rows = [role_row("ux", "UX", weight=2), role_row("devops", "DevOps")]
    given = {(0, 0): [4, 3], (0, 1): [3, 3], (1, 0): [2], (1, 1): [3]}
    ratings = [
        Rating(row, column, f"criterion-{at}", rating, f"Criterion {at}")
        for (row, column), marks in given.items()
        for at, rating in enumerate(marks)
    ]
    return make_table(rows, [Column("A"), Column("B")], {}, ratings)


@given(
    st.lists(st.lists(st.lists(st.integers(1, 5), max_size=3), min_size=3, max_size=3), max_size=3),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_rating_flips_are_those_of_weighing_anew(
    marks: list[list[list[int]]], weights: list[int]
) -> None:
    rows = [role_row(str(at), f"Role {at}", weight=weights[at]) for at in range(len(marks))]
    ratings = [
        Rating(row, column, str(at), rating)
        for row, line in enumerate(marks)
        for column, given_marks in enumerate(line)
        for at, rating in enumerate(given_marks)
    ]
    columns = [Column(letter) for letter in "ABC"]
    table = make_table(rows, columns, {}, ratings)
    weighed = weigh(table)
    expected = set()
    for place, one in enumerate(ratings):
        for to in (one.rating - 1, one.rating + 1):
            moved = [*ratings[:place], replace(one, rating=to), *ratings[place + 1 :]]
            leader = weigh(make_table(rows, columns, {}, moved)).leader
            if 1 <= to <= 5 and leader != weighed.leader:
                expected.add((one, to, leader))
    found = {(flip.rating, flip.to, flip.winner) for flip in rating_flips(table, weighed)}
    assert found == expected


def test_a_rating_flip_is_told_in_a_sentence() -> None:
    table = rated()
    told = [flip.words(table) for flip in rating_flips(table, weigh(table))]
    assert "If UX rated Criterion 0 of A 3 instead of 4, B would come first." in told


def test_a_swing_is_the_lead_at_either_end_of_a_cell() -> None:
    table = two()
    found = swings(table, weigh(table))
    assert {(one.row, one.column) for one in found} == {(0, 0), (0, 1), (1, 1)}
    assert [one.length for one in found] == sorted((one.length for one in found), reverse=True)
    for one in found:
        for value, lead in ((one.from_value, one.at_from), (one.to_value, one.at_to)):
            cells = {
                (row, column): Cell(float(table.value[row, column]))
                for row in range(2)
                for column in range(2)
            }
            cells[one.row, one.column] = Cell(value)
            scores = weigh(make_table(table.rows, table.columns, cells)).scores
            assert lead is not None
            assert abs(lead - (scores[0] - scores[1])) < 1e-12


def test_a_leader_that_may_miss_a_must_may_lose_by_everything() -> None:
    table = two()
    rows = (replace(table.rows[0], is_must=True, one=87.0), table.rows[1])
    open_must = replace(table, rows=rows)
    first = swings(open_must, weigh(open_must))[0]
    assert (first.row, first.column, first.at_from) == (0, 0, None)


def test_what_is_unknown_swings_from_worthless_to_target() -> None:
    table = two()
    cells = {(0, 0): Cell(88), (0, 1): Cell(84), (1, 0): Cell(700)}
    unknown = make_table(table.rows, table.columns, cells)
    (only,) = swings(unknown, weigh(unknown))
    assert (only.from_value, only.to_value, only.is_unknown) == (1000, 200, True)
    assert only.at_to is not None
    assert only.at_to < 0


def test_a_rival_that_may_miss_a_must_leaves_the_lead_to_the_next() -> None:
    rows = [Row("accuracy", "Accuracy", "%", 70, 90, is_must=True)]
    cells = {(0, 0): Cell(95), (0, 1): Cell(91, 85, 95, 100), (0, 2): Cell(90)}
    three = make_table(rows, [Column("A"), Column("B"), Column("C")], cells)
    # All are worth all: B out, A is level with C; without C it has all of its score over nobody.
    assert swings(three, weigh(three)) == []
    left = {at: one for at, one in cells.items() if at[1] < 2}
    two_left = make_table(rows, three.columns[:2], left)
    (only,) = swings(two_left, weigh(two_left))
    assert (only.column, only.at_from, only.at_to) == (1, 1.0, 0.0)
