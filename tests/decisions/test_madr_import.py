"""Architecture decision records of other tools come in without the loss of a line."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import astuple
from itertools import count
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.actions.adr_files import AdrFile, brought_in_before, import_adr, read_adr
from decisions.history import sentence
from decisions.imports.madr import Outline, read_madr, read_text
from decisions.imports.reading import BadFile, holds_archive
from decisions.madr_template import CONSEQUENCES, EXIT_CRITERIA, PROBLEM, RATIONALE, REVIEW_ON
from decisions.models import Decision
from decisions.policies import Refused
from tests.decisions.adr_lines import lost_lines, said_in
from tests.factories import People, kinds_of_events

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("COUNTERSIGN_DATA") or PROJECT.parent / "shared" / "data")
OWN = PROJECT / "tests" / "data" / "adrs"
ADRS = [*sorted(OWN.glob("*.md")), *sorted((SHARED / "adrs").glob("*/*.md"))]


def outline_of(name: str) -> Outline:
    path = next(one for one in ADRS if one.name == name)
    return read_madr(read_text(path.read_bytes()), path.name)


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_no_line_of_a_file_is_lost(path: Path) -> None:
    text = read_text(path.read_bytes())
    assert lost_lines(text, read_madr(text, path.name)) == []


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_what_is_left_over_is_in_the_record_under_its_own_heading(path: Path) -> None:
    outline = read_madr(read_text(path.read_bytes()), path.name)
    problem = outline.whole_answers.get(PROBLEM, "")
    assert all(f"## {one.what}" in problem and one.why for one in outline.left)


BLOCKS = st.sampled_from(
    [
        *("# Use it", "## Context", "## Decision Outcome", "## Considered Options", "### Risks"),
        *("## Pros and Cons of the Options", "### One", "## Consequences", "## Kontext", "## "),
        *(
            "* One",
            "* [One](a.md) two",
            "- Status: accepted",
            "1. Two\n   more\n\n   still",
            "Text.",
        ),
        *('Chosen option: "One", because it fits.', 'Chosen option: "One", because 1) x', "---"),
        *(
            "```\n## Context\n* One",
            "```",
            "> ## Quoted",
            "Title\n=====",
            "Under\n---",
            "<!-- open",
        ),
        *(
            "### Confirmation",
            "Look at it again on 2030-01-01.",
            "    code",
            "| a | b |\n|---|---|",
        ),
        *("## Decision Drivers", "* Speed: at least 5 % (weight 1; metric speed)", "## Status"),
        *("### Obligations and deadlines: Obligations", "### Budget", "## Question", "<div>"),
    ]
)


def parts(headings: list[str], *said: str) -> st.SearchStrategy[str]:
    """Return parts of a file under these headings that say up to three of these."""
    lines = st.lists(st.sampled_from(said), max_size=3)
    return st.tuples(st.sampled_from(headings), lines).map(
        lambda one: "\n\n".join([one[0], *one[1]])
    )


PARTS = st.one_of(
    parts(
        ["## Decision Drivers"],
        "* Speed: at least 5 % (weight 1; metric speed)\n  * because word",
        "* [Cost](word.md): at most 5 € (weight 2; metric cost)",
        "  Word.",
    ),
    parts(["## Considered Options"], "* One", "* Two\n  * word", "* Two\n\n  Word."),
    parts(
        ["## Pros and Cons of the Options"],
        "### One\n\n* Good, because word",
        "### One\n\n#### Data needed\n\nWord.",
        "#### Risks\n\n* word",
    ),
    parts(
        ["### Confirmation", "## Confirmation", "## Validation"],
        "Look at it again on 2030-01-01.",
        "Look at it again on 2031-01-01.",
    ),
    parts(
        ["## Decision Outcome"], 'Chosen options: "One", "One", because word', "### Consequences"
    ),
)


@given(st.lists(st.one_of(BLOCKS, PARTS), max_size=8), st.sampled_from(["\n", "\n\n"]))
def test_no_line_of_any_arrangement_is_lost(blocks: list[str], between: str) -> None:
    numbers = count()
    text = re.sub(r"(?i)word", lambda at: f"{at[0]}{next(numbers)}", between.join(blocks))
    outline = read_madr(text, "0001-use-it.md")
    assert lost_lines(text, outline) == []
    assert len(set(outline.chosen)) == len(outline.chosen)


def test_the_normal_form_takes_off_marks_and_nothing_else() -> None:
    assert said_in("  * **Good**, because `x`") == "**Good**, because `x`"
    assert said_in("## Links <!-- optional --> ##") == "Links <!-- optional -->"
    assert said_in("> 12) quoted  twice") == "quoted twice"
    assert said_in("# 7. Keep it") == "Keep it"
    assert said_in("-5 degrees") == "-5 degrees"


def test_a_lost_line_is_found_out() -> None:
    text = "# Title\n\n## Context\n\nKept.\n\nLost.\n"
    outline = read_madr(text.replace("Lost.", ""))
    assert lost_lines(text, outline) == ["Lost."]


def test_nygards_four_headings_find_their_places() -> None:
    outline = outline_of("0007-queue-in-the-database.md")
    assert outline.title == "7. Keep the queue in the database"
    assert outline.answers[PROBLEM].startswith("Jobs are lost when the broker restarts:")
    assert "SKIP LOCKED" in outline.answers[RATIONALE]
    assert "### What we looked at and dropped" in outline.answers[RATIONALE]
    assert outline.answers[CONSEQUENCES].count("\n* ") == 1
    assert [one.what for one in outline.left] == ["Details of the file", "Status", "Afterword"]
    assert outline.relations == [
        "Superseded by [9. A broker after all](0009-a-broker-after-all.md)",
        "Amends [3. One database](0003-one-database.md)",
    ]


def test_bullets_before_the_first_heading_are_details_and_tags() -> None:
    outline = outline_of("madr-2-bullets.md")
    assert outline.tags == ["security", "links"]
    assert outline.left[0].text.startswith("* Status: accepted\n* Deciders: Ana Lima, Jörg Weiß")
    assert outline.answers[PROBLEM].startswith("Technical Story: a link was forwarded")


def test_options_become_candidates_with_what_speaks_for_and_against_them() -> None:
    outline = outline_of("madr-2-bullets.md")
    names = ["Links that expire", "Links for one address", "Accounts for everyone"]
    assert [one.name for one in outline.options] == names
    assert outline.chosen == [0]
    assert outline.answers[RATIONALE] == "it is the least work"
    first, second, _third = outline.options
    assert "* Bad, because old mails are full of dead links" in first.summary
    assert "* by a cookie" in second.summary
    assert "* Bad, because people forward mails" in second.summary


def test_a_day_that_no_calendar_has_stays_in_the_text() -> None:
    text = "# A\n\n## Confirmation\n\nWe measure.\n\nLook at it again on 2026-13-45.\n"
    answers = read_madr(text).answers
    assert REVIEW_ON not in answers
    assert "2026-13-45" in answers[EXIT_CRITERIA]


def test_an_item_that_says_more_than_its_goal_stays_beside_it() -> None:
    whole = "* Speed: at least 5 % (weight 1;\n  metric speed)"
    linked = "* [Cost](cost.md): at most 5 € (weight 2; metric cost)"
    nested = "* Error: at most 2 % (weight 1; metric error)\n  * because of the law\n\n  So."
    outline = read_madr(f"# A\n\n## Decision Drivers\n\n{whole}\n{linked}\n{nested}\n")
    assert [one["metric"] for one in outline.goals] == ["speed", "cost", "error"]
    assert outline.left[0].text == f"{linked}\n\n{nested}"


def test_an_option_that_is_described_twice_keeps_all_that_is_said_of_it() -> None:
    one = "### A\n\n#### Data needed\n\n{}\n\n"
    described = f"{one.format('Mails.')}#### Risks\n\nLeaks.\n\n{one.format('Names.')}"
    outline = read_madr(f"## Options\n\n* A\n\n## Pros and Cons of the Options\n\n{described}")
    [option] = outline.options
    assert (option.data_needed, option.risks) == ("Mails.", "Leaks.")
    assert option.summary == "#### Data needed\n\nNames."


def test_a_second_day_to_look_again_stays_in_the_text() -> None:
    first, second = "Look at it again on 2030-01-01.", "Look at it again on 2031-01-01."
    answers = read_madr(f"## Confirmation\n\n{first}\n\n## Validation\n\n{second}\n").answers
    assert (answers[REVIEW_ON], answers[EXIT_CRITERIA]) == ("2030-01-01", second)


def test_an_option_that_is_named_twice_is_chosen_once() -> None:
    outcome = 'Chosen options: "A", "A", because it fits.'
    outline = read_madr(f"## Options\n\n* A\n\n## Decision\n\n{outcome}\n")
    assert (outline.chosen, outline.answers[RATIONALE]) == ([0], outcome)


def test_an_item_of_any_length_is_read_in_no_time() -> None:
    item = "a: at least 1 " * 7_000
    before = process_time()
    outline = read_madr(f"# A\n\n## Decision Drivers\n\n* {item}\n")
    assert process_time() - before < 2
    assert not outline.goals
    assert item.strip() in outline.whole_answers[PROBLEM]


def test_a_record_takes_as_many_tags_as_it_can_hold(people: People) -> None:
    tags = ", ".join(f"tag-{number:03}" for number in range(100))
    file = read_adr(f"# A\n\n* Tags: {tags}\n\n## Context\n\nSo.\n".encode(), "a.md")
    record = import_adr(file, by=people.ux)
    assert len(", ".join(record.tags)) <= 200
    assert record.tags[0] == "tag-000"


def test_what_fits_no_option_is_told_and_kept() -> None:
    outline = outline_of("madr-2-bullets.md")
    left = {one.what: one.text for one in outline.left}
    assert (
        left["Considered Options"] == "* Accounts for everyone\n\nDoing nothing was not an option."
    )
    assert left["Carrier pigeons"] == "* Good, because [[E12]] flies"
    assert "Nobody should need an account" in left["Decision Drivers"]


def test_positive_and_negative_consequences_keep_their_headings() -> None:
    said = outline_of("madr-2-bullets.md").answers[CONSEQUENCES]
    assert said.index("## Positive Consequences") < said.index("## Negative Consequences")


def test_headings_in_other_languages_are_left_with_their_text() -> None:
    outline = outline_of("0012-umlaute.md")
    assert [one.what for one in outline.left] == ["Status", "Kontext", "Entscheidung", "Folgen"]
    assert outline.answers == {}


def test_underlined_headings_curly_quotes_and_long_options_are_read() -> None:
    outline = outline_of("headings-of-one-level.md")
    assert outline.title == "Cache at the edge"
    assert [len(one.name) <= 120 for one in outline.options] == [True] * 3
    assert outline.options[1].summary.endswith("asleep when it fails")
    assert outline.chosen == [0]
    assert outline.answers["recommendation", "risks"] == "Stale prices."


def test_a_file_from_windows_is_read_as_any_other() -> None:
    outline = outline_of("windows-madr-4.md")
    assert outline.title == "Build with one tool"
    assert [one.name for one in outline.options] == ["One tool", "Four tools"]
    assert outline.answers[EXIT_CRITERIA] == "A build without network, every night."
    assert "superseded by ADR-0031" in outline.relations[0]
    assert not any("\r" in one or "\ufeff" in one for one in outline.texts)


@pytest.mark.parametrize("name", ["no-title.md", "0003-only_a-note.md"])
def test_a_file_without_a_title_is_called_by_its_name(name: str) -> None:
    outline = read_madr("Some text.\n", name)
    assert outline.title == {"no-title.md": "No title"}.get(name, "Only a note")
    assert outline.answers[PROBLEM] == "Some text."


@pytest.mark.parametrize(
    "content", [b"\xff\x00\xd8", b"a\x00b", b"%PDF-1.7\xe2\xe3", b" \n", b"x" * 100_001]
)
def test_what_is_no_text_is_refused_in_a_sentence(content: bytes) -> None:
    with pytest.raises(BadFile, match=r"^The file is .*\.$"):
        read_text(content)


def test_what_is_kept_as_text_has_its_own_reason() -> None:
    outline = read_madr(
        "---\ntitle: A\nDate: 2019-03-04\n---\n# A\n\n* Deciders: Ana\n* Tags: b\n\n"
        "## Status\n\nAccepted\n\n## Supersedes\n\nADR-1\n\n## Weather\n\nNone.\n"
    )
    people, tags = (
        "People are invited, and sign, in the record itself.",
        "tags stand in its details",
    )
    assert [(one.what, one.why) for one in outline.left] == [
        (
            "Front matter",
            "A date from elsewhere is kept as text: the record’s own log begins here.",
        ),
        ("Details of the file", f"{people} The record’s {tags}."),
        ("Status", "A record begins as a draft, whatever its status was elsewhere."),
        ("Supersedes", "Links to other records are made in the record itself."),
        ("Weather", "The record has no such part."),
    ]
    assert outline.tags == ["b"]


def test_a_web_page_or_a_picture_is_refused_with_the_kinds_that_come_in() -> None:
    office, bell, picture = b"PK\x03\x04junk", b"# A\n\nRing\x07\n", b"\x89PNG\r\n\x1a\n\0"
    for content in (b"\n<!DOCTYPE html>\n" + b"x" * 100_001, b"<html>", office, bell, picture):
        with pytest.raises(BadFile, match=r"Markdown in UTF-8 \(\.md\), an archive"):
            read_text(content)


def test_what_is_called_an_archive_or_a_document_and_is_none_is_no_text_either() -> None:
    for content, name in ((b"[1,2]", "list.json"), (b"[" * 100_000, "deep.JSON"), (b"%", "a.pdf")):
        with pytest.raises(BadFile, match="of no kind that can come in"):
            holds_archive(content, name)
    assert holds_archive(b'{"format":1}', "record.md")
    assert not holds_archive(b"# A\n", "a.md")


def test_a_text_may_begin_with_a_brace() -> None:
    for begun in (b"{: .no_toc }\n# A\n", b'{{ template "head" }}\n', b"{% raw %}\n", b"\n{#a}"):
        assert not holds_archive(begun, "a.md")
    for begun in (b'\xef\xbb\xbf{"a":1}', b'\n{\n  "a": 1}', b"{ }"):
        assert holds_archive(begun, "a.md")


def brought_in(name: str) -> AdrFile:
    path = next(one for one in ADRS if one.name == name)
    return read_adr(path.read_bytes(), path.name)


def test_an_imported_file_is_a_draft_of_who_brought_it(people: People) -> None:
    record = import_adr(brought_in("madr-2-bullets.md"), by=people.ux)
    assert (record.owner, record.status, record.title) == (
        people.ux,
        "draft",
        "Sign links with a key that expires",
    )
    assert record.tags == ["security", "links"]
    said = {one.kind: one.data for one in record.sections.all()}
    assert said["recommendation"]["chosen"] == ["A"]
    assert said["problem"]["problem"].count("## ") >= 5
    states = {one.kind: one.state for one in record.sections.all()}
    assert (states["problem"], states["options"]) == ("in_progress", "in_progress")
    assert states["constraints_data"] == "not_started"
    assert len(record.versions.all()) == 1


def test_every_text_of_the_outline_is_in_the_record(people: People) -> None:
    file = brought_in("headings-of-one-level.md")
    record = import_adr(file, by=people.owner)
    held = [record.title, *(one.name for one in record.candidates.all())]
    held += [one.summary for one in record.candidates.all()]
    held += [text for one in record.sections.all() for text in map(str, one.data.values())]
    assert {one for one in file.outline.texts if one} <= set(held)


@pytest.mark.slow
def test_no_line_of_any_file_is_lost_on_its_way_into_the_rows(people: People) -> None:
    for path in ADRS:
        file = read_adr(path.read_bytes(), path.name)
        record = import_adr(file, by=people.owner)
        rows = Outline(record.title, options=file.outline.options, chosen=file.outline.chosen)
        for section in record.sections.all():
            texts = {name: text for name, text in section.data.items() if isinstance(text, str)}
            rows.answers |= {(section.kind, name): text for name, text in texts.items()}
        described = [
            (one.name, one.summary, one.data_needed, one.risks) for one in record.candidates.all()
        ]
        assert described == [astuple(one) for one in file.outline.options]
        assert lost_lines(read_text(path.read_bytes()), rows) == []


def test_its_opening_names_the_file_and_its_digest(people: People) -> None:
    file = brought_in("0012-umlaute.md")
    record = import_adr(file, by=people.owner)
    opening = record.events.get()
    path = next(one for one in ADRS if one.name == file.name)
    assert opening.data["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sentence(opening) == "opened the decision from the file “0012-umlaute.md”"


def test_the_same_file_twice_is_refused_with_the_first(people: People) -> None:
    file = brought_in("0012-umlaute.md")
    first = import_adr(file, by=people.owner)
    assert brought_in_before(file.sha256, people.owner) == first
    with pytest.raises(Refused, match=f"here already: it is {first.reference}"):
        import_adr(file, by=people.owner)
    assert Decision.objects.count() == 1


def test_who_cannot_read_the_first_is_told_nothing_of_it(people: People) -> None:
    file = brought_in("0012-umlaute.md")
    import_adr(file, by=people.owner)
    assert brought_in_before(file.sha256, people.outsider) is None
    assert import_adr(file, by=people.outsider).owner == people.outsider


def test_a_record_here_that_the_file_names_is_linked(draft: Decision, people: People) -> None:
    text = f"# Next\n\n## More Information\n\n* Supersedes {draft.reference} and DR-99\n"
    record = import_adr(read_adr(text.encode(), "next.md"), by=people.owner)
    assert [one.target for one in record.links_out.all()] == [draft]
    assert kinds_of_events(record) == ["open", "relate"]
    hidden = import_adr(read_adr(f"{text}\n".encode(), "next.md"), by=people.outsider)
    assert not hidden.links_out.exists()
