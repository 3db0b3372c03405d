"""What several people's blind choices come to: winners by majority, and how far people agree."""

import pytest
from sklearn.metrics import cohen_kappa_score

from evaluations.preference import cohen_kappa, fleiss_kappa, preference, winner

A, B, TIE, BAD = "first", "second", "tie", "both_bad"


@pytest.mark.parametrize(
    ("row", "won"),
    [
        ([A], A),
        ([A, A, B], A),
        ([A, B], "neither"),
        ([A, TIE], "neither"),
        ([A, A, TIE], A),
        ([B, B, BAD, A], "neither"),
        ([TIE, BAD], "neither"),
    ],
)
def test_a_case_goes_to_whom_more_than_half_prefer(row: list[str], won: str) -> None:
    assert winner(row) == won


def test_ties_and_cases_that_nobody_rated_are_left_out_of_the_share() -> None:
    choices = {"1": [A], "2": [A], "3": [A], "4": [B], "5": [TIE], "6": [BAD], "7": [""]}

    found = preference(choices, ["r"])

    assert (found.first, found.second, found.neither, found.both_bad) == (3, 1, 2, 1)
    assert (found.n, found.decided) == (6, 4)
    # Wilson for 3 of 4, by hand: centre (.75 + z²/8) / (1 + z²/4).
    assert found.interval.low == pytest.approx(0.3006, abs=1e-4)
    assert found.interval.high == pytest.approx(0.9544, abs=1e-4)
    assert found.p == pytest.approx(0.625)
    assert found.agreement is None


def test_two_raters_agreement_is_cohens() -> None:
    rows = [(A, A), (A, B), (B, B), (TIE, BAD), (A, A), (B, A), (TIE, TIE)]

    found = preference({str(at): row for at, row in enumerate(rows)}, ["r", "s"]).agreement

    plain = [[("neither" if one in {TIE, BAD} else one) for one in row] for row in rows]
    expected = cohen_kappa_score(*zip(*plain, strict=True))
    assert found is not None
    assert (found.method, found.n) == ("Cohen", 7)
    assert found.kappa == pytest.approx(expected)


def test_several_raters_agreement_is_fleiss() -> None:
    # Three raters, four cases: agreement (1 + 1/3 + 1 + 0) / 4; shares 5/12, 4/12, 3/12.
    rows = [[A, A, A], [A, A, B], [B, B, B], [A, B, TIE]]
    counts = {A: 6, B: 5, TIE: 1}
    chance = sum((n / 12) ** 2 for n in counts.values())
    alike = (1 + 1 / 3 + 1 + 0) / 4

    assert fleiss_kappa(rows) == pytest.approx((alike - chance) / (1 - chance))


def test_agreement_counts_only_cases_that_all_rated() -> None:
    found = preference({"1": [A, A], "2": [A, ""], "3": [B, B]}, ["r", "s"]).agreement

    assert found is not None
    assert (found.n, found.kappa) == (2, 1.0)


def test_raters_who_always_say_the_same_have_no_kappa() -> None:
    assert cohen_kappa([(A, A), (A, A)]) is None
    assert fleiss_kappa([[A, A, A]]) is None
