"""Writing parts: nothing is lost, nothing is written for nothing, and marks mean something."""

import pytest

from decisions.actions.records import invite
from decisions.actions.sections import Conflict, mark_section, save_section
from decisions.forms.conflicts import reconcile
from decisions.models import Decision, Section, SectionState
from decisions.policies import Refused
from tests import factories
from tests.factories import REVIEW_ON, People, answers_to, fresh, section_of

ANSWERS = {"problem": "Slow.", "question": "Which?"}


def test_saving_keeps_the_answers_and_who_gave_them(draft: Decision, people: People) -> None:
    section = section_of(draft, "problem")
    save_section(section, by=people.business, data=ANSWERS, token=0)
    saved = section_of(draft, "problem")
    assert (saved.data, saved.state, saved.token) == (ANSWERS, "in_progress", 1)
    assert saved.changed_by == people.business
    assert saved.changed_at is not None


def test_blank_answers_are_not_kept(draft: Decision, people: People) -> None:
    section = section_of(draft, "problem")
    blank = {"budget": "", "timeline": None, "resources": []}
    save_section(section, by=people.business, data=ANSWERS | blank, token=0)
    assert section_of(draft, "problem").data == ANSWERS


def test_a_save_that_changes_nothing_writes_nothing(signed: Decision, people: People) -> None:
    before = factories.all_rows()
    for section in signed.sections.all():
        save_section(
            section,
            by=factories.writer_of(section, people),
            data={**section.data, "left_blank": ""},
            token=section.token,
            complete=True,
        )
    assert factories.all_rows() == before


def test_saving_an_untouched_part_without_answers_writes_nothing(
    draft: Decision, people: People
) -> None:
    before = factories.all_rows()
    save_section(section_of(draft, "problem"), by=people.business, data={"budget": ""}, token=0)
    assert factories.all_rows() == before


def test_a_save_without_a_change_needs_no_current_token(draft: Decision, people: People) -> None:
    save_section(section_of(draft, "problem"), by=people.business, data=ANSWERS, token=0)
    before = factories.all_rows()
    save_section(section_of(draft, "problem"), by=people.business, data=ANSWERS, token=0)
    assert factories.all_rows() == before


def test_a_later_save_of_the_same_part_is_shown_both_versions_and_loses_neither(
    draft: Decision, people: People
) -> None:
    second = factories.second_person(draft, "business")
    section = section_of(draft, "problem")
    save_section(section, by=people.business, data={"problem": "Theirs"}, token=0)
    before = factories.all_rows()
    with pytest.raises(Conflict) as raised:
        save_section(section, by=second, data={"problem": "Mine"}, token=0)
    assert raised.value.row.data == {"problem": "Theirs"}
    assert raised.value.row.changed_by == people.business
    assert raised.value.mine == {"problem": "Mine"}
    assert factories.all_rows() == before


def test_after_a_conflict_the_text_can_be_saved_on_top(draft: Decision, people: People) -> None:
    section = section_of(draft, "problem")
    save_section(section, by=people.business, data={"problem": "Theirs"}, token=0)
    with pytest.raises(Conflict) as raised:
        save_section(section, by=people.business, data={"problem": "Mine"}, token=0)
    theirs = raised.value.row
    save_section(theirs, by=people.business, data={"problem": "Both"}, token=theirs.token)
    assert section_of(draft, "problem").data == {"problem": "Both"}


def test_two_people_saving_different_parts_both_succeed(draft: Decision, people: People) -> None:
    problem, tone = section_of(draft, "problem"), section_of(draft, "profile_interaction")
    save_section(problem, by=people.business, data=ANSWERS, token=problem.token)
    save_section(tone, by=people.ux, data={"tone": "Warm"}, token=tone.token)
    assert section_of(draft, "problem").data == ANSWERS
    assert section_of(draft, "profile_interaction").data == {"tone": "Warm"}


def test_a_part_with_something_missing_cannot_be_marked_complete(
    draft: Decision, people: People
) -> None:
    before = factories.all_rows()
    section = section_of(draft, "problem")
    with pytest.raises(Refused, match="“Scope” is empty"):
        save_section(section, by=people.business, data=ANSWERS, token=0, complete=True)
    with pytest.raises(Refused, match="There is no goal yet"):
        mark_section(section_of(draft, "goals"), by=people.business, complete=True)
    assert factories.all_rows() == before


def test_saving_a_complete_part_without_the_mark_takes_the_mark_away(
    complete_draft: Decision, people: People
) -> None:
    section = section_of(complete_draft, "problem")
    save_section(section, by=people.business, data=section.data, token=section.token)
    assert section_of(complete_draft, "problem").state == SectionState.IN_PROGRESS
    assert fresh(complete_draft).digest == complete_draft.digest


def test_marking_twice_and_unmarking_what_is_not_marked_write_nothing(
    complete_draft: Decision, people: People
) -> None:
    empty = factories.open_record(people, title="Empty")
    before = factories.all_rows()
    mark_section(section_of(complete_draft, "goals"), by=people.business, complete=True)
    mark_section(section_of(empty, "goals"), by=people.business, complete=False)
    assert factories.all_rows() == before


def test_a_mark_can_be_taken_away_and_set_again(complete_draft: Decision, people: People) -> None:
    for complete, state in ((False, "in_progress"), (True, "complete")):
        mark_section(section_of(complete_draft, "goals"), by=people.business, complete=complete)
        assert section_of(complete_draft, "goals").state == state


def test_only_the_parts_role_writes_it(draft: Decision, people: People) -> None:
    section = section_of(draft, "profile_operations")
    for stranger in (people.owner, people.ux, people.outsider):
        with pytest.raises(Refused, match="Only DevOps can write this part"):
            save_section(section, by=stranger, data={"load": "1/s"}, token=0)
    save_section(section, by=people.devops, data={"load": "1/s"}, token=0)


def test_everyone_of_the_role_writes_its_parts(draft: Decision, people: People) -> None:
    invite(draft, by=people.owner, user=people.outsider, role="devops")
    save_section(
        section_of(draft, "profile_operations"), by=people.outsider, data={"load": "1"}, token=0
    )
    assert Section.objects.get(decision=draft, kind="profile_operations").token == 1


def test_the_recommendation_keeps_the_records_review_date_in_step(
    draft: Decision, people: People
) -> None:
    section = section_of(draft, "recommendation")
    factories.add_candidates(draft, people)
    save_section(section, by=people.owner, data=answers_to(section), token=0)
    assert fresh(draft).review_on == REVIEW_ON
    factories.edit(draft, "recommendation", people, review_on="")
    assert fresh(draft).review_on is None


def test_who_marks_a_part_has_not_written_it(complete_draft: Decision, people: People) -> None:
    """Else marking made an author, who may not be the only one to sign."""
    invite(complete_draft, by=people.owner, user=people.outsider, role="ux")
    before = section_of(complete_draft, "profile_interaction")
    for complete in (False, True):
        part = section_of(complete_draft, "profile_interaction")
        mark_section(part, by=people.outsider, complete=complete)
    after = section_of(complete_draft, "profile_interaction")
    assert (after.changed_by, after.changed_at) == (people.ux, before.changed_at)
    assert after.token == before.token + 2


def test_saving_the_mark_alone_is_not_writing_either(
    complete_draft: Decision, people: People
) -> None:
    invite(complete_draft, by=people.owner, user=people.outsider, role="ux")
    part = section_of(complete_draft, "profile_interaction")
    save_section(part, by=people.outsider, data=part.data, token=part.token, complete=False)
    part = section_of(complete_draft, "profile_interaction")
    assert (part.state, part.changed_by) == (SectionState.IN_PROGRESS, people.ux)
    said = part.data | {"tone": "Warm"}
    save_section(part, by=people.outsider, data=said, token=part.token, complete=True)
    assert section_of(complete_draft, "profile_interaction").changed_by == people.outsider


def test_a_conflict_names_who_marked_the_part_meanwhile(
    complete_draft: Decision, people: People
) -> None:
    invite(complete_draft, by=people.owner, user=people.outsider, role="ux")
    opened = section_of(complete_draft, "profile_interaction")
    mark_section(
        section_of(complete_draft, "profile_interaction"), by=people.outsider, complete=False
    )
    said = opened.data | {"tone": "Warm"}
    with pytest.raises(Conflict) as raised:
        save_section(opened, by=people.ux, data=said, token=opened.token)
    assert reconcile(raised.value).saved_by == people.outsider
