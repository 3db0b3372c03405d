"""A record as MADR 4, and back."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from decisions.actions.adr_files import import_adr, read_adr
from decisions.actions.evidence import attach_evidence
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate, add_goal
from decisions.actions.sections import save_section
from decisions.exports.document import record_document
from decisions.exports.madr import madr
from decisions.imports.madr import read_madr
from decisions.madr_template import own_places
from decisions.markdown_source import blocks, closed, escaped, headings, shifted, words_of
from decisions.models import Candidate, Decision, Evidence, EvidenceKind, Section, User
from decisions.record_templates import GENERAL
from tests.factories import People, complete_draft, fresh, measurement
from tests.walks import taken_once

TEMPLATE = [
    (1, "Where should messages go?"),
    (2, "Context and Problem Statement"),
    (2, "Decision Drivers"),
    (2, "Considered Options"),
    (2, "Decision Outcome"),
    (3, "Consequences"),
    (3, "Confirmation"),
    (2, "Pros and Cons of the Options"),
    (2, "More Information"),
]
TYPED = """Why?

# A heading of the first level

Under it

A second one
------------

* a list

```
## no heading
"""
HOSTILE = [
    "# x",
    "```\nopen",
    "<!-- open",
    "~~~~\nopen",
    "- a\n  ```\n  open",
    "<script>",
    "a\n===",
    "1) " * 30,
]


def text_of(record: Decision) -> str:
    return madr(record_document(record))


def test_the_outline_is_that_of_the_template(approved: Decision) -> None:
    body = text_of(approved).split("---", 2)[2]
    found = [(one.level, one.words) for one in headings(body)]
    wanted = iter(found)
    assert all(one in wanted for one in TEMPLATE)
    assert found[0] == TEMPLATE[0]
    assert all(after[0] - before[0] <= 1 for before, after in pairwise(found))


def test_the_front_matter_says_who_decided(approved: Decision, people: People) -> None:
    front = text_of(approved).split("---")[1]
    assert 'status: "accepted"' in front
    assert 'decision-makers: ["Olivia Brandt", "Bruno Costa"' in front
    assert people.outsider.name not in front
    assert "[]" not in front


@pytest.mark.parametrize(
    ("fixture", "status"),
    [("draft", "proposed"), ("in_review", "proposed"), ("approved", "accepted")],
)
def test_the_status_is_one_of_madrs(
    fixture: str, status: str, request: pytest.FixtureRequest
) -> None:
    assert f'status: "{status}"' in text_of(request.getfixturevalue(fixture))


def test_it_is_the_same_in_every_language_and_every_time(approved: Decision) -> None:
    once = text_of(approved)
    with translation.override("pt-br"):
        assert text_of(approved) == once


def test_goals_ratings_and_evidence_stand_where_madr_has_them(approved: Decision) -> None:
    text = text_of(approved)
    assert (
        "* Accuracy: at least 85 % (a must; worst acceptable 75 %; weight 3; metric accuracy"
        in text
    )
    assert "is rated 4 of 5:" in text
    assert "asked for by Data science)" in text
    assert "n = 200" in text.replace("\u00a0", " ")
    assert approved.digest in text
    assert f"/decisions/{approved.reference}/" in text


def test_a_figure_says_of_its_goal_what_the_record_says(people: People) -> None:
    record = complete_draft(people)
    first, second, *_others = record.candidates.all()
    accuracy = first.evidence.get(metric="accuracy")
    Evidence.objects.filter(pk=accuracy.pk).update(stale_because="The *spec* has changed since.")
    elsewhere = measurement("accuracy", 99.0, conditions={"case_set": "other", "split": "train"})
    attach_evidence(second, by=people.data_science, measurements=[elsewhere])
    estimate = second.evidence.get(metric="latency_p95")
    guess: dict[str, Any] = {"value": 12.0, "n": 0, "low": None, "high": None}
    Evidence.objects.filter(pk=estimate.pk).update(kind=EvidenceKind.ESTIMATE, **guess)
    lines = [one for one in text_of(fresh(record)).split("\n") if " is " in one and "[E" in one]
    other = second.evidence.latest("number")
    told = (accuracy, other, estimate)
    stale, apart, guessed = (next(x for x in lines if f"[{one.reference}]" in x) for one in told)
    assert stale.startswith("* Neutral, because Accuracy is")
    assert stale.endswith(r". Out of date: The \*spec\* has changed since.")
    assert apart.startswith("* Neutral, because Accuracy is 99")
    assert f"[{other.reference}]. Left out: Not to be compared with" in apart
    assert guessed.startswith("* Neutral, because")
    assert "(estimate)" in guessed
    assert guessed.endswith(": not decisive")
    assert [one for one in lines if one.startswith(("* Good", "* Bad"))], "what counts speaks"


@taken_once
def general(by: User, **recommended: Any) -> Decision:
    """Open a general decision, owned by a person who writes every part."""
    record = open_decision(by=by, title="Keep *it* <here> #1?", template=GENERAL)
    Section.objects.filter(decision=record).update(role="owner")
    record = fresh(record)
    add_goal(
        record,
        by=by,
        metric="p95",
        name="Latency (95 %): all",
        direction="at_most",
        target=0.1,
        worst_acceptable=2.5e-7 + 1,
        unit="s (p95)",
        weight=2.5,
        is_must=False,
    )
    for name in ('The "small" one', "- C # *with* [links](x) #", "1. Third"):
        add_candidate(
            record,
            by=by,
            name=name,
            approach="other",
            summary=f"How.\n\n{TYPED}",
            data_needed="None.",
            risks="* One\n* Two",
        )
    answers: dict[str, dict[str, Any]] = {
        "problem": {"problem": TYPED, "question": "Which one?", "budget": "5 days"},
        "constraints_data": {"data": "Invoices.", "sensitivity": "internal"},
        "results_ux": {"reading": "People like it."},
        "recommendation": {
            "rationale": "Because it is.\n\n* small",
            "consequences": "* Good.",
            "risks": "Few.",
            "exit_criteria": "Nobody uses it.",
            "review_on": "2031-03-01",
            "chosen": ["A", "B"],
            **recommended,
        },
    }
    for kind, data in answers.items():
        section = record.sections.get(kind=kind)
        save_section(section, by=by, data=data, token=section.token)
    return fresh(record)


def as_exported(text: str, top: int) -> str:
    """Return a typed text as an export writes it."""
    return shifted(closed(text), top)


def test_an_export_comes_back_with_the_same_goals_candidates_choice_and_texts(
    people: People,
) -> None:
    first = general(people.owner)
    again = import_adr(read_adr(text_of(first).encode(), "DR-1.md"), by=people.owner)
    assert again.title == first.title
    told = (
        "metric",
        "name",
        "direction",
        "target",
        "worst_acceptable",
        "unit",
        "weight",
        "is_must",
    )
    assert list(again.goals.values(*told)) == list(first.goals.values(*told))
    assert [described(one) for one in again.candidates.all()] == [
        (one.letter, one.name, as_exported(one.summary, 5), one.data_needed, one.risks)
        for one in first.candidates.all()
    ]
    said, before = answers_of(again), answers_of(first)
    assert (
        said["problem"].pop("problem").startswith(as_exported(before["problem"].pop("problem"), 3))
    )
    assert said == before


def described(one: Candidate) -> tuple[str, ...]:
    return one.letter, one.name, one.summary, one.data_needed, one.risks


def answers_of(record: Decision) -> dict[str, dict[str, Any]]:
    return {one.kind: dict(one.data) for one in record.sections.all() if one.data}


@pytest.mark.parametrize("chosen", [[], ["C"], ["A", "C"]])
@pytest.mark.parametrize(
    "rationale", ["It is.", "it is.", "**The** one", "* a list", "1. one", "# Heading", "    code"]
)
def test_the_choice_and_its_reasons_come_back(
    chosen: list[str], rationale: str, people: People
) -> None:
    first = general(people.owner, chosen=chosen, rationale=rationale)
    outline = read_madr(text_of(first))
    assert ["ABC"[at] for at in outline.chosen] == chosen
    wanted = as_exported(rationale, 3)
    goes_on = ", because it is." in text_of(first)
    assert goes_on == (bool(chosen) and rationale == "it is.")
    assert outline.answers["recommendation", "rationale"] == wanted


@pytest.mark.parametrize("typed", HOSTILE)
def test_what_people_typed_never_breaks_the_outline(typed: str, people: People) -> None:
    record = general(people.owner)
    plain = [one.words for one in headings(text_of(record))]
    for kind, name in (("problem", "problem"), ("recommendation", "consequences")):
        section = record.sections.get(kind=kind)
        Section.objects.filter(pk=section.pk).update(data=section.data | {name: typed})
    found = headings(text_of(fresh(record)))
    ours = [
        one for one in plain if one in {words for _level, words in TEMPLATE} | set(own_places())
    ]
    assert [one.words for one in found if one.words in ours] == ours


def test_references_become_what_they_stand_for(approved: Decision) -> None:
    section = approved.sections.get(kind="recommendation")
    typed = "See [[E1]] and [[accuracy]], not `[[E1]]`.\n\n```\n[[E1]]\n```"
    Section.objects.filter(pk=section.pk).update(data=section.data | {"rationale": typed})
    text = text_of(approved)
    assert "not `[[E1]]`." in text
    assert "[E1] and at least" in text.replace("\u00a0", " ")
    assert "```\n[[E1]]\n```" in text


@given(st.one_of(st.text(max_size=60), st.text(alphabet="a_*`[]<>#&!~1.-+=\\ )(:", max_size=30)))
def test_escaped_words_say_just_themselves(words: str) -> None:
    words = " ".join(words.replace("\0", "").split())
    types = [one.type for one in blocks(escaped(words))]
    assert types == (["paragraph_open", "inline", "paragraph_close"] if words else [])
    assert words_of(escaped(words)) == words


@given(
    st.lists(st.sampled_from([*HOSTILE, "a", "## b", "> c", "", "    d", "|a|\n|-|"]), max_size=6)
)
def test_a_closed_text_takes_in_nothing_that_follows(blocks: list[str]) -> None:
    text = shifted(closed("\n\n".join(blocks)), 3)
    found = headings(f"{text}\n\n# After")
    assert (found[-1].level, found[-1].words) == (1, "After")
    assert min(one.level for one in found[:-1]) == 3 if found[:-1] else True


def test_no_goal_reads_back_that_makes_no_sense() -> None:
    driver = "* Speed: at least 5 s (worst acceptable 9; weight 1; metric v)"
    text = f"# T\n\n## Decision Drivers\n\n{driver}\n"
    outline = read_madr(text)
    assert not outline.goals
    assert outline.left[0].text.startswith("* Speed")
