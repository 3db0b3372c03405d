"""What a document does with other scripts, wide tables, long logs and much evidence."""

import re
from time import process_time
from typing import Any

import pytest

from decisions import markdown
from decisions.actions.documents import request_document
from decisions.actions.evidence import attach_evidence
from decisions.actions.lifecycle import note_outcome, reopen
from decisions.actions.rendering import file_name
from decisions.checks import paper_is_known
from decisions.exports import change_log as logs
from decisions.exports import document as documents
from decisions.exports.change_log import change_log, in_words
from decisions.exports.document import record_document
from decisions.exports.pdf import render_html
from decisions.exports.source import document_source
from decisions.figures import CandidateFigure
from decisions.fonts import drawable
from decisions.models import Candidate, Decision, Goal
from decisions.scripts import (
    as_written,
    attributes_of,
    language_of,
    runs_right_to_left,
    spelled_out,
    undrawable,
)
from decisions.versions import Change
from tests import factories
from tests.factories import People, fresh
from tests.hard_records import table_of


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("Where?", ""),
        ("Où donc ? Куда", ""),
        ("… أين تذهب", ' dir="rtl"'),
        ("3 ימים", ' dir="rtl"'),
        ("Team ימים", ""),
        ("直ちに決めて", ' lang="ja"'),
        ("团队", ' lang="zh"'),
        ("팀이 團", ' lang="ko"'),
    ],
)
def test_a_text_says_which_way_it_runs_and_whose_letters_it_has(text: str, attributes: str) -> None:
    assert attributes_of(text) == attributes
    assert runs_right_to_left(text) == ("rtl" in attributes)
    assert (language_of(text) != "") == ("lang" in attributes)


def test_a_name_stands_apart_and_is_escaped() -> None:
    assert as_written("<b> Ana") == "&lt;b&gt; Ana"
    assert as_written("ליאת <b>") == '<bdi dir="rtl">ליאת &lt;b&gt;</bdi>'


def test_what_no_font_draws_is_written_out_and_the_rest_stays() -> None:
    text = "ok ✓ العربية हिन्दी ไทย 日本 한국 👩\u200d👧 𒀀 \u202eno \ufe0f\u00ad \u2067on"
    letters = undrawable(text, drawable())
    assert letters == ["\u202e", "\u2067", "𒀀", "👧", "👩"]
    assert undrawable("a\tb\r\n\u2003\u2029\a\x85\u2028\ufff9\U00013430", drawable()) == [
        *("\a", "\x85", "\u2028", "\ufff9", "\U00013430")
    ], "what would be drawn as a box"
    told = spelled_out(text, letters)
    assert "[woman]\u200d[girl] [U+12000] [U+202E]no" in told
    assert told.endswith("[U+2067]on")
    assert "العربية हिन्दी ไทย 日本 한국" in told


def test_a_table_too_wide_for_a_page_is_shown_in_parts_with_its_first_column() -> None:
    html = markdown.render(f"Before.\n\n{table_of(60)}\n\nAfter.", columns=8)
    assert html.count("<table") == 9
    assert '<p class="table-part">Columns 2 to 8 of 60, after the first</p>' in html
    assert html.count(">r1c1<") == 9
    assert all(html.count(f">r3c{column}<") == 1 for column in range(2, 61))
    assert html.index("Before.") < html.index("<table") < html.index("After.")
    assert markdown.render(table_of(60)).count("<table") == 1
    assert markdown.render(table_of(8), columns=8).count("<table") == 1


def test_a_table_that_nobody_reads_is_not_split() -> None:
    """Each part took a walk along the whole table: 9,000 columns took a quarter of a minute."""
    began = process_time()
    assert markdown.render(table_of(2_000), columns=8).count("<table") == 1
    assert process_time() - began < 2
    assert markdown.render("|a|b|c|\n|-|-|-|\n|1|", columns=2).count("<table") == 2


def test_many_candidates_stand_side_by_side_in_parts() -> None:
    document = documents.RecordDocument(Decision())
    document.considered = [Candidate(letter=one) for one in "ABCDEFGHIJK"]
    cells = tuple(CandidateFigure(one, None, None) for one in document.considered)
    document.goals = [documents.GoalLine(Goal(), "", "", "", cells)]
    parts = document.overview
    glance = "Every goal at a glance"
    assert [one.title for one in parts] == [
        f"{glance}, {at}" for at in ("A to D", "E to H", "I to K")
    ]
    assert [one.candidate for part in parts for one in part.lines[0].cells] == document.considered
    assert all(len(one.candidates) == len(one.lines[0].cells) for one in parts)
    document.considered = document.considered[:5]
    assert [one.title for one in document.overview] == [glance]


def test_columns_share_a_page_alike_where_their_words_are_long() -> None:
    word = "x" * 300
    assert '<table class="even">' in markdown.render(f"|a|b|\n|-|-|\n|{word}|1|", columns=8)
    assert "<table>" in markdown.render("|a|b|\n|-|-|\n|some words|1|", columns=8)


def test_blocks_of_a_text_run_in_their_own_direction() -> None:
    html = markdown.render("# أين\n\nיחד **now**\n\n- תמיד\n- never\n\n日本で")
    assert '<h4 dir="rtl">' in html
    assert '<p dir="rtl">' in html
    assert html.count("<li") == 2
    assert '<li dir="rtl">תמיד' in html
    assert '<p lang="ja">' in html


def test_the_change_log_tells_versions_in_words_and_changes_of_status(
    signed: Decision, people: People
) -> None:
    reopen(signed, by=people.owner, reason="A cheaper model came out.")
    factories.edit(signed, "problem", people, problem="Anew.")
    log = change_log(fresh(signed))
    assert not log.is_cut
    assert log.lines[0].words == "The record as it was begun"
    told = [(one.number, one.by, one.words) for one in log.lines[-3:]]
    number = fresh(signed).version
    assert (number, "Bruno Costa", "Problem and scope (changed Problem)") == told[-1]
    assert (None, "Olivia Brandt", "reopened the record: A cheaper model came out.") in told
    assert (number - 1, "Olivia Brandt", "The record as a whole (changed Round)") in told
    assert {one.roles for one in log.lines if one.by == "Olivia Brandt"} == {"Owner"}
    assert log.lines[-1].roles == "Business"
    assert len(log.lines[0].words) < 1000
    assert [one.at for one in log.lines] == sorted(one.at for one in log.lines)


def test_a_line_of_the_change_log_names_what_came_and_went_and_says_what_it_leaves_out() -> None:
    came = [Change("", "", "1", "goals", f"Goal {at}") for at in range(6)]
    went = [Change("", "1", "", "goals", "Long " * 20), Change("", "1", "2", "reading", "Reading")]
    assert in_words([*came, *went], {"goals": "List of goals", "reading": "Reading"}) == (
        "List of goals (added Goal 0, Goal 1, Goal 2, Goal 3, 2 more; "
        "removed Long Long Long Long Long Long Long Long…); Reading (changed)"
    )


def test_a_long_change_log_keeps_its_newest_lines_and_says_so(
    signed: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = change_log(signed), change_log(signed, most=3)
    assert cut.lines == whole.lines[-3:]
    assert cut.total == whole.total == len(whole.lines)
    monkeypatch.setattr(logs, "MOST_LINES", 3)
    monkeypatch.setattr(documents, "change_log", lambda record: change_log(record, 3))
    assert f"The newest 3 of {whole.total} changes" in render_html(record_document(signed))


def test_a_change_of_status_makes_another_document_and_asking_for_one_does_not(
    approved: Decision, people: People
) -> None:
    before = document_source(approved).digest
    note_outcome(approved, by=people.owner, success="yes", text="It holds.", review_on=None)
    told = document_source(fresh(approved))
    assert told.digest != before
    assert told.values["course"][-1][0] == "note_outcome"


def test_evidence_beyond_the_most_is_left_to_the_table_that_goes_along(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = factories.complete_draft(people)
    monkeypatch.setattr(documents, "MOST_EVIDENCE", 2)
    alone = draft.candidates.all()[0]
    values = [factories.measurement(f"slice_{n}", 50.0 + n) for n in range(5)]
    added = attach_evidence(alone, by=people.data_science, measurements=values)
    html = render_html(record_document(draft))
    assert "2 of 5 lines; all of them are in evidence.csv" in html
    rows = re.findall(r'<tr id="(E\d+)"', html)
    assert [one.reference in rows for one in added] == [True, True, False, False, False]
    assert all(f'id="{one.reference}"' in html for one in added), "references lead somewhere"
    whole = documents.RecordDocument(fresh(draft)).further
    assert (len(whole.shown), len(whole.cut)) == (5, 0), "who signs sees all"


def test_documents_are_kept_for_each_paper_and_the_installation_has_one_of_its_own(
    approved: Decision, people: People, settings: Any
) -> None:
    usual = request_document(approved, by=people.ux)
    letter = request_document(approved, by=people.ux, format="pdf-letter")
    assert request_document(approved, by=people.ux) == usual
    assert request_document(approved, by=people.ux, format="pdf-letter") == letter
    assert file_name(letter).endswith(".letter.pdf")
    settings.PAPER = "Letter"
    assert request_document(approved, by=people.ux) not in (usual, letter)
    assert request_document(approved, by=people.ux, format="pdf-letter") == letter
    settings.PAPER = "Folio"
    (found,) = paper_is_known()
    assert found.hint == "Set COUNTERSIGN_PAPER to A4 or Letter."
