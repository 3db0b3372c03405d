"""Studies with people: the intervals against scipy's, and what no study can have come to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from evaluations import studies
from evaluations.statistics import geometric_mean, incomplete_beta, mean_t, t_quantile, wilson
from evaluations.studies import (
    Unusable,
    mean_of_summary,
    numbers_of,
    scale_mean,
    sus_scores,
    task_success,
    time_on_task,
)

SCORES = [72.5, 85.0, 60.0, 92.5, 77.5, 55.0, 80.0]
TIMES = [31.0, 48.0, 52.5, 120.0, 40.0, 66.0]


@given(st.floats(0.001, 0.999), st.floats(0.5, 500, exclude_min=True), st.floats(0.5, 500))
def test_the_incomplete_beta_function_is_scipys(x: float, a: float, b: float) -> None:
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("df", [1, 2, 3, 9, 29, 400, 99_999])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_students_quantile_is_scipys(confidence: float, df: int) -> None:
    assert t_quantile(confidence, df) == pytest.approx(stats.t.ppf((1 + confidence) / 2, df))


def test_students_interval_of_a_mean_is_scipys() -> None:
    mean, sd = stats.tmean(SCORES), stats.tstd(SCORES)
    found = mean_t(mean, sd, len(SCORES))
    expected = stats.ttest_1samp(SCORES, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_the_geometric_mean_is_scipys_with_the_interval_of_the_logarithms() -> None:
    mean, interval = geometric_mean(TIMES)
    logs = stats.ttest_1samp([math.log(one) for one in TIMES], 0).confidence_interval(0.95)
    assert mean == pytest.approx(stats.gmean(TIMES))
    assert (interval.low, interval.high) == pytest.approx((math.exp(logs.low), math.exp(logs.high)))


def test_task_success_is_a_share_in_percent_with_wilsons_interval() -> None:
    found, expected = task_success(7, 9), wilson(7, 9)
    assert (found.value, found.n) == (pytest.approx(77.78, abs=0.01), 9)
    assert (found.low, found.high) == pytest.approx((100 * expected.low, 100 * expected.high))
    assert (found.interval_method, found.how) == ("Wilson, 95%", "7 of 9 people succeeded.")


def test_few_scores_have_students_interval_and_many_the_bootstraps() -> None:
    few, many = scale_mean(SCORES, 0, 100), scale_mean(SCORES * 2, 0, 100)
    assert few.interval_method == "Student's t, 95%"
    assert many.interval_method == "BCa bootstrap, 95%"
    assert many.low is not None
    assert many.low < many.value < many.high
    assert scale_mean(SCORES * 1_000, 0, 100).interval_method == "Student's t, 95%"


def test_an_interval_ends_where_the_scale_does() -> None:
    assert scale_mean([7, 7, 6], 1, 7).high == 7


def test_a_summary_says_the_same_as_its_scores() -> None:
    told = mean_of_summary(7, stats.tmean(SCORES), stats.tstd(SCORES), 0, 100)
    single = scale_mean(SCORES, 0, 100)
    assert (told.low, told.high) == pytest.approx((single.low, single.high))


@pytest.mark.parametrize("scores", [[5], [5, 5, 5]])
def test_what_does_not_spread_has_no_interval_and_says_why(scores: list[float]) -> None:
    found = scale_mean(scores, 1, 7)
    assert (found.value, found.low) == (5, None)
    assert "no interval" in found.how


def test_time_on_task_is_the_geometric_mean() -> None:
    found = time_on_task(TIMES)
    assert (found.value, found.n) == (pytest.approx(stats.gmean(TIMES)), 6)
    assert "no interval" in time_on_task([30.0]).how


def test_sus_comes_as_scores_or_as_ten_answers_a_person() -> None:
    assert sus_scores("72.5\n85") == [72.5, 85]
    assert sus_scores("a b c\n5 1 5 1 5 1 5 1 5 1\n3;3;3;3;3;3;3;3;3;3") == [100, 50]
    with pytest.raises(Unusable, match="from 1 to 5"):
        sus_scores("6 1 5 1 5 1 5 1 5 1")


BEST = "5,1,5,1,5,1,5,1,5,1"
QUESTIONS = ",".join(f"q{n}" for n in range(1, 11))


@pytest.mark.parametrize(
    "table",
    [
        f"id,{QUESTIONS}\n1,{BEST}\n2,{BEST}",
        f"1,{BEST}\n2,{BEST}",
        f"{BEST}\n2,{BEST}",
        f"{BEST}\n72.5",
        f"{QUESTIONS}\n72.5",
        "participant,score\n1,72.5\n2,80",
        "1,72.5\n2,80",
        "72,5\n80,0\n85,0",
        f"1,{BEST[:-4]},,1",
        f"{QUESTIONS}\n5,1,5,1,5,1,5,1,,",
        "5,1,5,1,5,1,5,1,5",
        "5,1" * 200_000,
    ],
)
def test_a_column_that_is_not_asked_for_is_never_counted_as_answers(table: str) -> None:
    with pytest.raises(Unusable, match=r"The first line names|Line \d+ does not hold|no number"):
        sus_scores(table)


@pytest.mark.parametrize(
    "table",
    ["participant,score\n1,72.5", "1,72.5\n2,80", "1\t72.5", "72,5\n80,0", "s\n1,234", "31, 48"],
)
def test_a_line_holds_one_number(table: str) -> None:
    with pytest.raises(Unusable, match=r"The first line names|Line \d+ holds"):
        numbers_of(table)


def test_numbers_are_pasted_with_or_without_a_header() -> None:
    assert numbers_of("\ufeffseconds, as measured\n31\n".replace(",", "")) == [31]
    assert numbers_of("31\r\n 48\r\n\r\n+52.5\n") == [31, 48, 52.5]
    assert numbers_of('"score"\n"72.5"\n"80"') == [72.5, 80]


def test_a_decimal_comma_is_read_where_a_header_names_one_column() -> None:
    assert numbers_of('Sekunden\n72,5\n80\n"-1,25"') == [72.5, 80, -1.25]
    assert sus_scores("Score\n72,5\n80,0") == [72.5, 80]


@pytest.mark.parametrize(
    "text", ["", "time\n", "31\nlong", "nan", "1e300", "4\n5\nx", "7_2", "72.5s\n80\n", "-\n"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Unusable):
        numbers_of(text)


def test_more_people_than_any_study_has_are_refused_while_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(studies, "MOST_PEOPLE", 40)
    assert len(sus_scores(f"{BEST}\n" * 40)) == 40
    for read, line in ((sus_scores, BEST), (numbers_of, "7")):
        with pytest.raises(Unusable, match="more than 40"):
            read(f"{line}\n" * 41 + "never read")


def test_what_no_study_can_have_come_to_is_refused() -> None:
    for impossible in (
        lambda: task_success(10, 9),
        lambda: task_success(0, 0),
        lambda: scale_mean([8], 1, 7),
        lambda: scale_mean([4], 7, 1),
        lambda: mean_of_summary(5, 4, 9, 1, 7),
        lambda: time_on_task([0.0]),
    ):
        with pytest.raises(Unusable):
            impossible()
