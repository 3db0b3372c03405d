"""Runs that differ in nothing but their seed tell how much the seed matters."""

from collections.abc import Callable

import pytest
from django.test import Client

from decisions.models import Decision
from decisions.policies import BadInput
from evaluations.actions import request_run, request_runs
from evaluations.candidate_specs import draws_by_seed
from evaluations.models import CaseSet, Run, RunState
from evaluations.spread import spread_over_seeds, twins
from tests.evaluations.helpers import make_candidate, work_through
from tests.factories import People


@pytest.fixture
def runs(draft: Decision, case_set: CaseSet, people: People) -> list[Run]:
    """Three finished runs of one candidate with the seeds 0, 1 and 2."""
    candidate = make_candidate(draft, people)
    found = []
    for seed, value in ((0, 70.0), (1, 82.0), (2, 76.0)):
        run = request_run(candidate, case_set, by=people.owner, attach=False)
        work_through(run)
        run.seed, run.spec = seed, run.spec | {"seed": seed}
        run.metrics["accuracy"]["value"] = value
        run.save()
        found.append(run)
    return found


def test_the_spread_over_seeds_is_told(runs: list[Run]) -> None:
    (accuracy, *_rest) = spread_over_seeds(runs[0])

    assert (accuracy.spread.low, accuracy.spread.high, accuracy.spread.n) == (70, 82, 3)
    assert accuracy.spread.sd == pytest.approx(6)
    assert accuracy.in_words.startswith(
        "Accuracy over 3 seeds: 70.0 to 82.0 %, mean 76.0, standard deviation 6.0 points."
    )


def test_one_seed_has_no_spread(runs: list[Run]) -> None:
    Run.objects.exclude(pk=runs[0].pk).delete()

    assert spread_over_seeds(runs[0]) == []


def test_a_run_with_another_setting_is_no_twin(runs: list[Run]) -> None:
    runs[1].spec = runs[1].spec | {"neighbours": 9}
    runs[1].save()
    Run.objects.filter(pk=runs[2].pk).update(state=RunState.CANCELLED)

    assert twins(runs[0]) == [runs[0]]


def test_one_request_asks_for_the_runs_of_a_spread(
    draft: Decision, case_set: CaseSet, people: People
) -> None:
    drawing = make_candidate(
        draft, people, "prompting/few_shot_centroid", settings={"shots": 1, "seed": 7}
    )
    fixed = make_candidate(draft, people, "rag/bm25_knn")

    runs = request_runs([drawing, fixed], case_set, by=people.owner, seeds=3)

    assert [(one.candidate, one.seed) for one in runs] == [
        (drawing, 7),
        (drawing, 8),
        (drawing, 9),
        (fixed, 0),
    ]
    assert [one.attaches for one in runs] == [True, False, False, True]
    again = request_runs([drawing], case_set, by=people.owner, seeds=3)
    assert again == runs[:3]  # under way already
    work_through(*runs)
    assert {one.state for one in runs} == {RunState.FINISHED}
    attached = drawing.evidence.standing().filter(metric="accuracy", compared_with=None)
    assert [one.origin for one in attached] == [str(runs[0])]
    (accuracy, *_rest) = spread_over_seeds(runs[0])
    assert accuracy.spread.n == 3
    assert "accuracy over 3 seeds" in accuracy.in_words.lower()


def test_no_more_seeds_are_asked_for_than_anyone_needs(
    draft: Decision, case_set: CaseSet, people: People
) -> None:
    candidate = make_candidate(draft, people, "prompting/few_shot_centroid")
    with pytest.raises(BadInput, match="1 to 10 seeds"):
        request_runs([candidate], case_set, by=people.owner, seeds=11)


def test_what_would_pay_to_learn_for_each_seed_is_asked_for_once(
    draft: Decision, people: People
) -> None:
    settings = {"endpoint": "ours", "model": "base"}
    tuned = make_candidate(draft, people, "fine_tuning/provider", settings=settings)
    shown = make_candidate(draft, people, "prompting/few_shot", settings=settings)

    assert not draws_by_seed(tuned)
    assert draws_by_seed(shown)


def test_the_page_asks_for_seeds_where_something_draws_by_them(
    draft: Decision, case_set: CaseSet, people: People, sign_in: Callable[..., Client]
) -> None:
    owner = sign_in(people.owner)
    make_candidate(draft, people, "rag/bm25_knn")
    page = f"/decisions/{draft.reference}/runs/"
    assert "seeds" not in owner.get(page).context["form"].fields
    drawing = make_candidate(draft, people, "prompting/few_shot_centroid")
    assert "seeds" in owner.get(page).context["form"].fields

    asked = {"case_set": case_set.pk, "candidates": [drawing.letter], "seeds": 2}
    assert owner.post(page, asked).status_code == 302
    assert sorted(drawing.runs.values_list("seed", flat=True)) == [0, 1]
    assert "seed 1" in owner.get(page).content.decode()


def test_a_run_that_was_asked_for_at_another_time_is_marked_and_comes_second(
    draft: Decision, case_set: CaseSet, people: People, sign_in: Callable[..., Client]
) -> None:
    candidate = make_candidate(
        draft, people, "prompting/few_shot_centroid", settings={"shots": 1, "seed": 7}
    )
    together = request_runs([candidate], case_set, by=people.owner, seeds=2)
    work_through(*together)
    (accuracy, *_rest) = spread_over_seeds(together[1])
    assert [why for _run, why in accuracy.told] == ["", ""]
    assert not accuracy.warning

    (later,) = request_runs([candidate], case_set, by=people.owner, repeats=2)
    work_through(later)

    assert twins(together[1]) == together
    (accuracy, *_rest) = spread_over_seeds(later)
    assert accuracy.told == [
        (later, ""),
        (together[1], "asked for at another time; answers per case: 1"),
    ]
    page = sign_in(people.owner).get(later.get_absolute_url()).content.decode()
    assert "Not all of them were asked for together" in page
    assert "(seed 8), measured " in page
