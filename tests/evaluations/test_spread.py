"""Runs that differ in nothing but their seed tell how much the seed matters."""

import pytest

from decisions.models import Decision
from evaluations.actions import request_run
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
