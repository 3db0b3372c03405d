"""Who may read a case set, and what changes about one that is frozen: its probe and its readers."""

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from decisions.models import Candidate, User
from decisions.policies import BadInput, Refused
from evaluations.actions import request_run
from evaluations.curating import attach_probe, choose_readers, detach_probe
from evaluations.forms import RunForm
from evaluations.freezing import import_case_set, import_corpus
from evaluations.importers.cases import CaseFile
from evaluations.importers.documents import DocumentFile
from evaluations.models import CaseSet, Corpus, Readers
from tests.evaluations.helpers import COLUMNS, make_case_set, rows, write_csv
from tests.factories import People


@pytest.fixture
def letters(people: People, tmp_path: Path) -> CaseSet:
    """Customers' letters, which data science brought in for few."""
    path = write_csv(tmp_path / "letters.csv", rows(per_label=3))
    return import_case_set(
        name="Letters",
        files=[CaseFile(path)],
        columns=COLUMNS,
        visibility=Readers.INVOLVED,
        by=people.data_science,
    ).case_set


def seen_by(user: User) -> set[CaseSet]:
    return set(CaseSet.objects.visible_to(user))


def test_a_case_set_is_open_to_everyone_unless_somebody_says_otherwise(
    case_set: CaseSet, people: People
) -> None:
    assert seen_by(people.outsider) == {case_set}
    assert case_set.is_visible_to(people.outsider)


def test_customers_letters_are_read_by_who_brought_them_in_and_who_measured_on_them(
    letters: CaseSet, candidate: Candidate, people: People
) -> None:
    assert seen_by(people.data_science) == {letters}
    assert seen_by(people.owner) == seen_by(people.outsider) == set()

    request_run(candidate, letters, by=people.data_science)

    assert seen_by(people.owner) == seen_by(people.ux) == {letters}
    assert not letters.is_visible_to(people.outsider)


def test_an_administrator_reads_everything(letters: CaseSet, people: People) -> None:
    people.outsider.is_superuser = True

    assert seen_by(people.outsider) == {letters}


def test_nobody_measures_on_what_they_may_not_read(
    letters: CaseSet, candidate: Candidate, people: People
) -> None:
    choices = RunForm([candidate], user=people.owner).fields["case_set"].queryset  # type: ignore[attr-defined]
    assert not choices.exists()

    with pytest.raises(BadInput, match="Letters, version 1 is not open to Olivia"):
        request_run(candidate, letters, by=people.owner)


def test_the_next_version_is_read_by_the_same_people(
    letters: CaseSet, people: People, tmp_path: Path
) -> None:
    second = make_case_set(tmp_path, name="Letters", tests=6)

    assert (second.version, second.visibility) == (2, Readers.INVOLVED)


def test_the_newest_version_that_one_may_read_is_the_one_that_is_listed(
    case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    second = make_case_set(tmp_path, tests=5)
    CaseSet.objects.filter(pk=second.pk).update(visibility=Readers.INVOLVED)

    assert list(CaseSet.objects.visible_to(people.outsider).newest()) == [case_set]


def test_who_brought_it_in_says_who_reads_it(letters: CaseSet, people: People) -> None:
    with pytest.raises(Refused) as refused:
        choose_readers(letters, Readers.EVERYONE, by=people.owner)
    assert refused.value.refusal.status == 403
    with pytest.raises(BadInput):
        choose_readers(letters, "nobody", by=people.data_science)

    choose_readers(letters, Readers.EVERYONE, by=people.data_science)

    assert seen_by(people.outsider) == {letters}


def test_a_corpus_is_read_by_those_who_measured_on_its_cases(
    candidate: Candidate, people: People, tmp_path: Path
) -> None:
    page = tmp_path / "page.txt"
    page.write_text("Words")
    corpus = import_corpus(
        name="Notes",
        files=[DocumentFile(page)],
        visibility=Readers.INVOLVED,
        by=people.data_science,
    ).corpus
    cases = import_case_set(
        name="Asked",
        files=[CaseFile(write_csv(tmp_path / "m.csv", rows()))],
        columns=COLUMNS,
        corpus=corpus,
        by=people.data_science,
    ).case_set
    assert cases.is_visible_to(people.owner)
    assert not Corpus.objects.visible_to(people.owner).exists()

    request_run(candidate, cases, by=people.data_science)

    assert list(Corpus.objects.visible_to(people.owner)) == [corpus]
    assert not corpus.is_visible_to(people.outsider)


# Probes


def test_a_probe_is_attached_and_detached_and_changes_no_content(
    case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    general = make_case_set(tmp_path, name="General ability", tests=7)
    digest = case_set.digest

    attach_probe(case_set, general, by=people.owner)
    case_set.refresh_from_db()
    assert (case_set.probe, case_set.digest, case_set.version) == (general, digest, 1)

    detach_probe(case_set, by=people.owner)
    case_set.refresh_from_db()
    assert case_set.probe is None


def test_a_probe_asks_something_else_and_has_test_cases(
    case_set: CaseSet, people: People, tmp_path: Path
) -> None:
    second = make_case_set(tmp_path, tests=5)
    path = write_csv(tmp_path / "train.csv", [one for one in rows() if one["split"] == "train"])
    trained = import_case_set(name="Trained", files=[CaseFile(path)], columns=COLUMNS).case_set

    with pytest.raises(BadInput, match="asks for something else"):
        attach_probe(case_set, second, by=people.owner)
    with pytest.raises(BadInput, match="Trained, version 1 has no test cases"):
        attach_probe(case_set, trained, by=people.owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        CaseSet.objects.filter(pk=case_set.pk).update(probe=case_set)


def test_nobody_attaches_what_they_may_not_read(
    case_set: CaseSet, letters: CaseSet, people: People
) -> None:
    with pytest.raises(Refused):
        attach_probe(case_set, letters, by=people.owner)
    with pytest.raises(Refused):
        detach_probe(letters, by=people.owner)
