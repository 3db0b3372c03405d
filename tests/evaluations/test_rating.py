"""People rate two systems blind: nobody learns whose answers they are before the end."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from decisions.actions.lifecycle import withdraw
from decisions.actions.rows import edit_candidate
from decisions.models import Candidate, EvidenceKind, Notice, NoticeKind, User
from decisions.notify.telling import tell
from decisions.notify.words import lines
from decisions.policies import BadInput, Refused
from evaluations.actions import request_run
from evaluations.models import Case, CaseSet, Rater, Rating, RatingRound, Run
from evaluations.rating import (
    cancel_round,
    close_round,
    next_question,
    open_round,
    outcome,
    rate,
)
from tests.decisions.telling import open_notices
from tests.evaluations.helpers import make_candidate, work_through
from tests.factories import People

SignIn = Callable[..., Client]
QUESTION = "Which team would you rather send it to?"


@pytest.fixture
def runs(candidate: Candidate, case_set: CaseSet, people: People) -> tuple[Run, Run]:
    """Two finished runs of two candidates whose answers tell them apart."""
    other = make_candidate(
        candidate.decision, people, name="Secret sauce", settings={"neighbours": 3}
    )
    found = [request_run(one, case_set, by=people.owner) for one in (candidate, other)]
    work_through(*found)
    for run, said in zip(found, ("ALPHA", "BETA"), strict=True):
        run.results.update(output=said)
    return found[0], found[1]


@pytest.fixture
def round_(runs: tuple[Run, Run], people: People) -> RatingRound:
    """A round of six cases for UX and business."""
    return opened(runs, people, [people.ux, people.business])


def opened(
    runs: tuple[Run, Run], team: People, raters: list[User], size: int = 6, **asked: Any
) -> RatingRound:
    """Open a round as its owner."""
    told = {"question": QUESTION, "raters": raters, "size": size} | asked
    return open_round(*runs, by=team.owner, **told)


def choose_all(found: RatingRound, user: User, prefers: str, most: int = 100) -> None:
    """Have a person choose, wherever it stands, the side that shows a text."""
    rater = found.raters.get(user=user)
    for _ in range(most):
        asked = next_question(rater)
        if asked is None:
            return
        choice = "left" if asked.left == prefers else "right" if asked.right == prefers else prefers
        rate(rater, asked.place, choice, by=user)


def text(response: HttpResponse) -> str:
    return response.content.decode()


# Opening


def test_a_sample_is_drawn_and_the_answers_are_kept(round_: RatingRound, runs: Any) -> None:
    runs[0].results.update(output="changed")

    assert round_.cases.count() == 6
    assert set(round_.cases.values_list("first_output", "second_output")) == {("ALPHA", "BETA")}


def test_those_who_are_asked_are_told_and_nobody_else(round_: RatingRound, people: People) -> None:
    notices = Notice.objects.filter(kind=NoticeKind.RATE)

    assert {one.user for one in notices} == {people.ux, people.business}
    assert {one.url for one in notices} == {round_.get_absolute_url()}
    (line, *_others) = lines(notices, people.ux)
    assert line.sentence == f"{people.owner} asks you to rate answers: {QUESTION}"
    tell(round_.decision.pk)
    assert "rate" in open_notices(people.ux)


def test_who_has_rated_every_case_is_asked_no_longer(round_: RatingRound, people: People) -> None:
    choose_all(round_, people.ux, "ALPHA", most=5)
    assert "rate" in open_notices(people.ux)
    choose_all(round_, people.ux, "ALPHA")
    assert "rate" not in open_notices(people.ux)
    assert "rate" in open_notices(people.business)

    close_round(round_, by=people.owner)
    assert "rate" not in open_notices(people.business)


def test_who_opens_a_round_for_themself_needs_no_notice(runs: Any, people: People) -> None:
    opened(runs, people, [people.owner])
    assert not Notice.objects.filter(kind=NoticeKind.RATE).exists()


def test_no_more_cases_than_there_are(runs: Any, people: People) -> None:
    assert opened(runs, people, [people.ux], size=100).cases.count() == 12


def test_only_who_may_measure_opens_a_round(runs: Any, people: People) -> None:
    with pytest.raises(Refused):
        open_round(*runs, by=people.ux, question=QUESTION, raters=[people.ux], size=5)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"question": "  "}, "Say what the raters are to judge"),
        ({"size": 0}, "1 to 200 cases"),
        ({"raters": []}, "at least one person"),
    ],
)
def test_a_round_that_makes_no_sense_is_refused(
    runs: Any, people: People, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        opened(runs, people, **{"raters": [people.ux]} | asked)


def test_who_takes_no_part_is_not_asked(runs: Any, people: People) -> None:
    with pytest.raises(BadInput, match="does not take part"):
        opened(runs, people, [people.outsider])


def test_a_run_is_not_held_against_itself(runs: Any, people: People) -> None:
    with pytest.raises(BadInput, match="two candidates"):
        opened((runs[0], runs[0]), people, [people.ux])


def test_whichever_run_is_named_first_the_records_order_counts(runs: Any, people: People) -> None:
    found = opened((runs[1], runs[0]), people, [people.ux])

    assert (found.first, found.second) == runs


def test_asking_again_replaces_what_people_said_before(runs: Any, people: People) -> None:
    for pair in (runs, runs[::-1]):
        found = opened(pair, people, [people.ux])
        choose_all(found, people.ux, "BETA")
        close_round(found, by=people.owner)

    told = found.decision.evidence.filter(metric="preference")
    assert [one.withdrawn_reason for one in told] == ["Compared again.", ""]


# Rating


def test_each_rater_has_an_order_of_their_own_and_sides_vary(runs: Any, people: People) -> None:
    found = opened(runs, people, [people.ux, people.business], size=12)
    first, second = found.raters.order_by("pk")

    assert [one.pk for one in first.in_order()] == [one.pk for one in first.in_order()]
    assert {one.pk for one in first.in_order()} == {one.pk for one in second.in_order()}
    sides = {rater.sees_first_left(one) for rater in (first, second) for one in rater.in_order()}
    orders = [[one.pk for one in rater.in_order()] for rater in (first, second)]
    assert orders[0] != orders[1]
    assert sides == {True, False}


def test_one_may_stop_and_go_on(round_: RatingRound, people: People) -> None:
    rater = round_.raters.get(user=people.ux)
    rate(rater, 1, "tie", by=people.ux)

    asked = next_question(rater)

    assert asked is not None
    assert (asked.place, asked.of, asked.done) == (2, 6, 1)


def test_what_was_chosen_once_stays(round_: RatingRound, people: People) -> None:
    rater = round_.raters.get(user=people.ux)

    assert rate(rater, 1, "left", by=people.ux)
    assert not rate(rater, 1, "right", by=people.ux)
    assert list(rater.ratings.values_list("choice", flat=True)) == ["left"]


@pytest.mark.parametrize(("place", "choice"), [(0, "left"), (7, "left"), (1, "alpha")])
def test_what_is_no_choice_is_refused(
    round_: RatingRound, people: People, place: int, choice: str
) -> None:
    with pytest.raises(BadInput):
        rate(round_.raters.get(user=people.ux), place, choice, by=people.ux)


def test_nobody_rates_for_another_nor_after_the_end(round_: RatingRound, people: People) -> None:
    rater = round_.raters.get(user=people.ux)
    with pytest.raises(Refused):
        rate(rater, 1, "left", by=people.business)
    cancel_round(round_, by=people.owner)
    with pytest.raises(Refused, match="has ended"):
        rate(rater, 1, "left", by=people.ux)


def test_a_record_that_is_withdrawn_is_rated_no_more(round_: RatingRound, people: People) -> None:
    withdraw(round_.decision, by=people.owner, reason="Enough.")
    rater = Rater.objects.get(round=round_, user=people.ux)

    with pytest.raises(Refused):
        rate(rater, 1, "left", by=people.ux)


# Closing


def test_closing_makes_evidence_with_n_share_and_interval(
    round_: RatingRound, people: People
) -> None:
    choose_all(round_, people.ux, "BETA")
    choose_all(round_, people.business, "BETA", most=5)

    close_round(round_, by=people.owner)

    found = outcome(round_)
    assert (found.first, found.second, found.neither) == (0, 6, 0)
    (one,) = round_.decision.evidence.standing().filter(metric="preference")
    assert (one.kind, one.compared_with) == (EvidenceKind.COMPARISON, round_.second.candidate)
    assert (one.value, one.n, one.low) == (0, 6, 0)
    assert one.high == pytest.approx(39.03, abs=0.01)  # Wilson, 0 of 6
    assert "People prefer Secret sauce to rag/bm25_knn" in one.method
    assert "2 people rated up to 6 cases" in one.method
    assert round_.outcome == f"Attached to DR-1 as {one.reference}."


def test_what_may_be_chance_is_called_so(round_: RatingRound, people: People) -> None:
    choose_all(round_, people.ux, "ALPHA", most=3)
    choose_all(round_, people.ux, "BETA")

    close_round(round_, by=people.data_science)

    (one,) = round_.decision.evidence.standing().filter(metric="preference")
    assert one.value == 50
    assert one.method.startswith("Not decisive")


def test_a_round_that_nobody_won_is_not_evidence(round_: RatingRound, people: People) -> None:
    choose_all(round_, people.ux, "both_bad")

    close_round(round_, by=people.owner)

    assert "neither side won a single case" in round_.outcome
    assert not round_.decision.evidence.filter(metric="preference").exists()


def test_a_candidate_that_is_run_differently_by_now_gets_no_evidence(
    round_: RatingRound, people: People
) -> None:
    choose_all(round_, people.ux, "BETA")
    candidate = round_.first.candidate
    candidate.refresh_from_db()
    spec = candidate.spec | {"neighbours": 9}
    edit_candidate(candidate, by=people.owner, token=candidate.token, spec=spec)

    close_round(round_, by=people.owner)

    assert "Not attached to the record" in round_.outcome
    assert not round_.decision.evidence.filter(metric="preference").exists()


def test_a_round_ends_once_and_not_without_ratings(round_: RatingRound, people: People) -> None:
    with pytest.raises(Refused, match="Nobody has rated"):
        close_round(round_, by=people.owner)
    choose_all(round_, people.ux, "tie")
    with pytest.raises(Refused):
        close_round(round_, by=people.ux)
    close_round(round_, by=people.owner)
    with pytest.raises(Refused, match="ended already"):
        cancel_round(round_, by=people.owner)


# Pages


@pytest.mark.page
def test_nothing_on_a_raters_pages_tells_whose_answers_they_are(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    ux = sign_in(people.ux)
    run_pks = {round_.first_id, round_.second_id}

    for path in (
        f"/ratings/{round_.pk}/",
        f"/ratings/{round_.pk}/rate/",
        "/decisions/DR-1/ratings/",
    ):
        page = text(ux.get(path))
        assert QUESTION in page
        assert "Secret sauce" not in page
        assert "bm25" not in page
        assert not re.search(r"/runs/\d|candidates/[A-Z]/", page)
        assert not any(f"Run {pk}" in page for pk in run_pks)
    assert {"ALPHA", "BETA"} <= set(
        re.findall("ALPHA|BETA", text(ux.get(f"/ratings/{round_.pk}/rate/")))
    )


@pytest.mark.page
def test_a_person_rates_to_the_end_without_javascript(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    ux, address = sign_in(people.ux), f"/ratings/{round_.pk}/rate/"
    for place in range(1, 7):
        assert f"{place} of 6" in text(ux.get(address))
        answer = ux.post(address, {"place": place, "choice": "left", "comment": "Clearer."})
        assert answer.status_code == 302

    end = ux.get(address, follow=True)

    assert "You have rated every case" in text(end)
    assert "Clearer." not in text(end)
    assert Rating.objects.filter(comment="Clearer.").count() == 6


@pytest.mark.page
def test_sending_a_choice_twice_says_that_the_first_stands(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    ux, address = sign_in(people.ux), f"/ratings/{round_.pk}/rate/"
    ux.post(address, {"place": 1, "choice": "left"})

    again = ux.post(address, {"place": 1, "choice": "right"}, follow=True)

    assert "your first choice stands" in text(again)
    assert ux.post(address, {"place": 2}).status_code == 422
    assert Rating.objects.get().choice == "left"


@pytest.mark.page
def test_who_was_not_asked_cannot_rate(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    address = f"/ratings/{round_.pk}/"
    assert sign_in(people.devops).get(f"{address}rate/").status_code == 404
    assert sign_in(people.devops).get(address).status_code == 200
    assert sign_in(people.outsider).get(address).status_code == 404
    assert sign_in(people.ux).post(f"{address}close/").status_code == 403
    assert sign_in(people.owner).post(f"{address}nonsense/").status_code == 404


@pytest.mark.page
def test_a_closed_round_names_both_and_shows_every_choice(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    choose_all(round_, people.ux, "BETA")
    assert sign_in(people.owner).post(f"/ratings/{round_.pk}/close/").status_code == 302

    page = text(sign_in(people.business).get(f"/ratings/{round_.pk}/"))

    assert "People prefer Secret sauce" in page
    assert page.count("Uma Lindqvist: B") == 6


@pytest.mark.page
def test_a_round_is_opened_on_the_page(runs: Any, people: People, sign_in: SignIn) -> None:
    sent = {
        "first": runs[0].pk,
        "second": runs[1].pk,
        "question": QUESTION,
        "size": 4,
        "raters": [people.ux.pk],
    }
    owner = sign_in(people.owner)

    assert owner.post("/decisions/DR-1/ratings/", sent | {"second": runs[0].pk}).status_code == 422
    assert sign_in(people.ux).post("/decisions/DR-1/ratings/", sent).status_code == 403
    assert owner.post("/decisions/DR-1/ratings/", sent).status_code == 302
    assert RatingRound.objects.get().cases.count() == 4


@pytest.mark.page
def test_who_is_still_rating_sees_no_answers_elsewhere(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    first, second = round_.first, round_.second
    pages = (
        first.get_absolute_url(),
        f"{second.get_absolute_url()}?with={first.pk}",
        f"/runs/compare/?a={first.pk}&b={second.pk}",
    )
    ux, owner = sign_in(people.ux), sign_in(people.owner)
    first.results.update(score=0)  # so that all of them differ

    for address in pages:
        shown = text(ux.get(address))
        assert "locked for you until you have rated every case" in shown
        assert not re.search("ALPHA|BETA", shown)
        assert re.search("ALPHA|BETA", text(owner.get(address)))
    assert "locked for you on other pages" in text(ux.get(round_.get_absolute_url()))

    choose_all(round_, people.ux, "ALPHA")
    assert all(re.search("ALPHA|BETA", text(ux.get(address))) for address in pages)


@pytest.mark.page
def test_another_run_of_the_same_candidate_is_locked_as_well_until_the_round_ends(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    again = request_run(round_.first.candidate, round_.first.case_set, by=people.owner)
    third = make_candidate(round_.decision, people, name="Third", settings={"neighbours": 2})
    beside = request_run(third, round_.first.case_set, by=people.owner)
    work_through(again, beside)
    again.results.update(output="ALPHA")
    ux = sign_in(people.ux)

    assert "ALPHA" not in text(ux.get(again.get_absolute_url()))
    page = text(ux.get(f"{beside.get_absolute_url()}?with={again.pk}"))
    assert "ALPHA" not in page
    assert "locked for you" not in page

    cancel_round(round_, by=people.owner)
    assert "ALPHA" in text(ux.get(again.get_absolute_url()))


# What is not worth a question


def test_equal_answers_and_the_same_question_again_are_not_drawn(
    runs: tuple[Run, Run], people: People
) -> None:
    first, second = runs
    results = list(second.results.select_related("case").order_by("case__key"))
    for one in results[:3]:
        one.output = " ALPHA\n"
        one.save()
    Case.objects.filter(pk__in=[one.case_id for one in results[3:5]]).update(input="The same?")

    found = opened((first, second), people, [people.ux], size=100)

    assert found.cases.count() == len(results) - 4
    assert found.cases.filter(case__input="The same?").count() == 1
    choose_all(found, people.ux, "BETA")
    close_round(found, by=people.owner)
    (evidence,) = found.decision.evidence.standing().filter(metric="preference")
    assert "3 pairs of equal answers were not drawn." in evidence.method
    assert "1 case that asks the same as another was not drawn." in evidence.method


def test_runs_that_answer_the_same_are_not_rated(runs: tuple[Run, Run], people: People) -> None:
    runs[1].results.update(output="ALPHA")
    with pytest.raises(BadInput, match="answered every case the same"):
        opened(runs, people, [people.ux])


@pytest.mark.page
def test_the_table_of_cases_says_who_won_each(
    round_: RatingRound, people: People, sign_in: SignIn
) -> None:
    choose_all(round_, people.ux, "BETA")
    close_round(round_, by=people.owner)
    page = text(sign_in(people.ux).get(round_.get_absolute_url()))
    letter = f'<td><span class="candidate-letter">{round_.second.candidate.letter}</span></td>'
    assert page.count(letter) == 6
