"""A quoted passage is found again by its words, and known to be outdated when they are gone."""

import pytest

from decisions.actions.review import Remark, open_thread
from decisions.actions.rows import edit_goal
from decisions.discussion import Discussion
from decisions.models import Decision
from decisions.quotes import essence, finds, section_said, section_with
from decisions.record_page import RecordPage
from decisions.record_parts import with_parts
from tests import factories
from tests.factories import People, section_of

TEXT = """Support gets **too many** messages a day.

- They go to [the wrong team](https://example.org) “quite often”.
- Rare teams – legal, billing – are never named.
"""


def loaded(record: Decision) -> Decision:
    """Return a record as its pages load it."""
    return with_parts(Decision.objects.all()).get(pk=record.pk)


def said(record: Decision, kind: str) -> str:
    """Return what a part says, as it is searched."""
    return section_said(next(one for one in loaded(record).sections.all() if one.kind == kind))


def talk(record: Decision, people: People) -> Discussion:
    """Return the discussion as the owner sees it."""
    return RecordPage(loaded(record), people.owner).discussion


@pytest.mark.parametrize(
    "quote",
    [
        "too many messages a day",
        "**too many** messages",
        "Too  many\n   messages",
        "messages a day.\nThey go to the wrong team",
        '"quite often"',
        "legal, billing - are",
        "soft\u00adhyphen is not here".replace("soft\u00adhyphen is not here", "bill\u00ading"),
        "[the wrong team](https://example.org)",
    ],
)
def test_a_passage_is_found_whatever_its_spaces_marks_and_quote_signs(
    quote: str, draft: Decision, people: People
) -> None:
    factories.edit(draft, "problem", people, problem=TEXT)
    assert finds(quote, said(draft, "problem"))


@pytest.mark.parametrize("quote", ["too few messages", "messages a day never", "gets gets"])
def test_other_words_are_not_found(quote: str, draft: Decision, people: People) -> None:
    factories.edit(draft, "problem", people, problem=TEXT)
    assert not finds(quote, said(draft, "problem"))


def test_the_lines_of_a_table_are_found_when_they_follow_closely() -> None:
    text = essence("Cost 4 2 Time to deliver 5 3")
    assert finds("Cost\n4\nTime to deliver", text)
    assert not finds("Time to deliver\nCost", text)
    assert not finds("Cost\nElsewhere", text)
    assert not finds("Cost\n5", essence("Cost" + "x" * 100 + "5"))


def test_combined_letters_and_wide_spaces_are_one_to_the_search() -> None:
    assert finds("re\u0301sume\u0301\u00a0of", essence("Résumé of"))


def test_what_the_rows_of_a_part_show_can_be_quoted(
    complete_draft: Decision, people: People
) -> None:
    assert finds("Accuracy\n≥ 85 %\n75 %", said(complete_draft, "goals"))
    assert finds("B A tuned head", said(complete_draft, "candidates"))
    assert finds("Forgets a team that is renamed.", said(complete_draft, "candidates"))
    assert finds("Accuracy\n89", said(complete_draft, "candidates"))
    assert finds("Fit to the interaction\n4\n4", said(complete_draft, "assessment_ux"))
    assert finds("How it fails looks fine.", said(complete_draft, "assessment_ux"))


def test_short_answers_are_quoted_as_they_are_shown(
    complete_draft: Decision, people: People
) -> None:
    assert finds("Stakes of a wrong answer\nLow: easily", said(complete_draft, "profile_business"))
    assert finds("March 1, 2031", said(complete_draft, "recommendation"))


def test_a_figure_is_quoted_by_its_value_and_outdated_once_withdrawn(
    complete_draft: Decision, people: People
) -> None:
    factories.edit(complete_draft, "results_ux", people, reading="It reached [[E1]], no more.")
    assert finds("It reached 81", said(complete_draft, "results_ux"))


def test_the_first_part_that_holds_a_passage_is_the_one_it_is_about(
    draft: Decision, people: People
) -> None:
    factories.edit(draft, "problem", people, problem=TEXT)
    sections = list(loaded(draft).sections.all())
    found = section_with("never named", sections)
    assert found is not None
    assert found.kind == "problem"
    assert section_with("nowhere at all", sections) is None


def test_a_thread_is_outdated_when_its_words_are_gone_and_not_when_they_only_moved(
    draft: Decision, people: People
) -> None:
    factories.edit(draft, "problem", people, problem=TEXT)
    about = Remark("Sure?", section=section_of(draft, "problem"), quote="too many messages")
    thread = open_thread(draft, by=people.ux, remark=about)
    factories.edit(draft, "problem", people, problem=f"First of all.\n\n{TEXT}\n\nAnd more.")
    assert not talk(draft, people).is_outdated(thread)
    factories.edit(
        draft, "problem", people, problem="Enough.", scope="There are *too many* messages."
    )
    assert not talk(draft, people).is_outdated(thread)
    factories.edit(draft, "problem", people, scope="All.")
    assert talk(draft, people).is_outdated(thread)
    factories.edit(draft, "problem", people, problem=TEXT)
    assert not talk(draft, people).is_outdated(thread)


def test_a_quoted_goal_is_outdated_when_its_target_moves(
    complete_draft: Decision, people: People
) -> None:
    about = Remark("Why?", section=section_of(complete_draft, "goals"), quote="Accuracy\n≥ 85 %")
    thread = open_thread(complete_draft, by=people.ux, remark=about)
    assert not talk(complete_draft, people).is_outdated(thread)
    goal = complete_draft.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, target=90.0)
    assert talk(complete_draft, people).is_outdated(thread)


def test_a_thread_without_a_quote_is_never_outdated(draft: Decision, people: People) -> None:
    thread = open_thread(draft, by=people.ux, remark=Remark("Why?"))
    assert not talk(draft, people).is_outdated(thread)
