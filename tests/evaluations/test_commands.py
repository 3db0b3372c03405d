"""The commands that scripts and pipelines rely on."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from decisions.models import Candidate
from evaluations.management.commands import evaluate
from evaluations.models import CaseSet, Run
from tests.evaluations.helpers import make_candidate, rows, work_through, write_csv
from tests.factories import People


def said(*words: str) -> str:
    """Return what a command prints."""
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.fixture
def messages(tmp_path: Path) -> str:
    return str(write_csv(tmp_path / "messages.csv", rows()))


# import_cases


def test_import_cases_guesses_the_columns_and_prints_one_json_object(
    db: None, messages: str
) -> None:
    told = json.loads(said("import_cases", messages, "--name", "Messages", "--json"))

    assert told == {
        "name": "Messages",
        "slug": "messages",
        "version": 1,
        "is_new": True,
        "kind": "classification",
        "corpus": "",
        "digest": CaseSet.objects.get().digest,
        "cases": {"train": 18, "test": 12},
        "labels": 3,
        "duplicates": 0,
        "overlaps": 0,
        "contradictions": 0,
    }
    assert CaseSet.objects.get().cases.filter(key="test-billing-0").exists()


def test_import_cases_again_says_that_nothing_was_added(db: None, messages: str) -> None:
    said("import_cases", messages, "--name", "Messages")

    told = said("import_cases", messages, "--name", "Messages")

    assert "was imported before; nothing was added" in told
    assert CaseSet.objects.count() == 1


def test_import_cases_takes_train_and_test_from_two_files(db: None, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,category\na,x\nb,y\n")
    (tmp_path / "test.csv").write_text("text,category\nc,x\n")

    said(
        "import_cases",
        f"train={tmp_path / 'train.csv'}",
        f"test={tmp_path / 'test.csv'}",
        "--name=Banking",
        "--input-column=text",
        "--label-column=category",
    )

    assert CaseSet.objects.get().counts == {"train": 2, "test": 1}


def test_import_cases_takes_split_column_labels_and_origin(db: None, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("text,team,part\na,x,training\nb,x,dev\nc,x,test\n")
    (tmp_path / "labels.json").write_text('{"x": {"name": "Ex", "description": "What was"}}')

    said(
        "import_cases",
        str(tmp_path / "cases.csv"),
        "--name=Parts",
        "--split-column=part",
        f"--labels={tmp_path / 'labels.json'}",
        "--origin=Written by hand",
        "--licence=CC0",
    )

    found = CaseSet.objects.get()
    assert found.counts == {"train": 1, "dev": 1, "test": 1}
    assert found.labels == [{"slug": "x", "name": "Ex", "description": "What was"}]
    assert (found.origin, found.licence) == ("Written by hand", "CC0")


def test_import_cases_takes_every_row_for_the_named_split(db: None, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("text,label\na,x\n")

    said("import_cases", str(tmp_path / "cases.csv"), "--name=Dev", "--split=dev")

    assert CaseSet.objects.get().counts == {"dev": 1}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--label-column=colour"], "has no column “colour”"),
        (["--labels=/nowhere/labels.json"], "labels.json cannot be read"),
    ],
)
def test_import_cases_refuses_in_one_sentence(
    db: None, messages: str, words: list[str], says: str
) -> None:
    with pytest.raises(CommandError, match=says) as refused:
        said("import_cases", messages, "--name=Messages", *words)

    assert "\n" not in str(refused.value)
    assert not CaseSet.objects.exists()


# evaluate


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker finish every open run while the command waits for its next look."""

    def work(_seconds: float) -> None:
        work_through(*Run.objects.open())

    monkeypatch.setattr(evaluate.time, "sleep", work)


def test_evaluate_asks_as_the_owner_for_every_candidate(
    candidate: Candidate, case_set: CaseSet, people: People
) -> None:
    make_candidate(candidate.decision, people, name="Second")
    dropped = make_candidate(candidate.decision, people, name="Dropped")
    Candidate.objects.filter(pk=dropped.pk).update(is_dropped=True)

    said("evaluate", "DR-1", "--case-set", "messages")

    runs = Run.objects.order_by("pk")
    assert [run.candidate.letter for run in runs] == ["A", "B"]
    assert {run.requested_by for run in runs} == {people.owner}


def test_evaluate_waits_prints_progress_and_the_figures(
    candidate: Candidate, case_set: CaseSet, working: None
) -> None:
    told = said("evaluate", "dr-1", "--case-set", "Messages", "--candidate", "a", "--wait")

    assert "A 0/12" in told
    assert "finished. Accuracy" in told
    assert "Attached to DR-1 as E1" in told


def test_evaluate_prints_one_json_object_and_nothing_else(
    candidate: Candidate, case_set: CaseSet, working: None
) -> None:
    words = ["--case-set=Messages", f"--candidate={candidate.name}", "--wait", "--json"]

    (run,) = json.loads(said("evaluate", "DR-1", *words))["runs"]

    assert (run["state"], run["case_set"]) == ("finished", "messages")
    assert run["metrics"]["accuracy"]["n"] == 12


def test_evaluate_exits_with_1_when_a_run_failed(
    candidate: Candidate, case_set: CaseSet, working: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluations import measuring

    def broken(run: Any, stop: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(measuring, "prepared_for", broken)
    with pytest.raises(SystemExit) as ended:
        said("evaluate", "DR-1", "--case-set", "Messages", "--wait")

    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["DR-9", "--case-set=Messages"], "There is no record DR-9."),
        (["DR-1", "--case-set=Letters"], "no case set “Letters”; known are: messages"),
        (["DR-1", "--case-set=Messages", "--candidate=Z"], "no candidate “Z”; it has: A. rag"),
    ],
)
def test_evaluate_refuses_in_one_sentence(
    candidate: Candidate, case_set: CaseSet, words: list[str], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        said("evaluate", *words)


def test_evaluate_takes_scorers_with_settings(candidate: Candidate, case_set: CaseSet) -> None:
    pattern = 'regex:{"pattern": "^b"}'

    said("evaluate", "DR-1", "--case-set=Messages", "--scorer=usual", "--scorer", pattern)

    assert [one["key"] for one in Run.objects.get().scorers] == ["exact_match", "regex"]


@pytest.mark.parametrize(
    ("scorer", "sentence"),
    [
        ("regex:{", "the settings of regex are not JSON"),
        ("regex:[]", "must be a JSON object"),
        ("regex", "Pattern: Must not be empty"),
        ("taste", "There is no scorer “taste”"),
    ],
)
def test_evaluate_says_what_is_wrong_with_a_scorer(
    scorer: str, sentence: str, candidate: Candidate, case_set: CaseSet
) -> None:
    with pytest.raises(CommandError, match=sentence):
        said("evaluate", "DR-1", "--case-set=Messages", "--scorer", scorer)
