"""Calling people into a discussion by their handle."""

import pytest

from decisions.actions.delegation import accept_delegation, delegate
from decisions.markdown import render
from decisions.mentions import mentioned, names_by_handle, people_of
from decisions.models import Decision
from tests import factories
from tests.factories import People


def called(text: str, people: People) -> list[str]:
    """Return the usernames of who a text calls."""
    return [one.username for one in mentioned(text, people.everyone.values())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@uma, what do you think?", ["uma"]),
        ("What do you think, @UMA.", ["uma"]),
        ("(@devi) and **@uma**; @devi again", ["devi", "uma"]),
        ("> @uma said so\n\n- @dana", ["uma", "dana"]),
        ("mail uma@uma.example", []),
        ("@umax and @nobody", []),
        ("`@uma`", []),
        ("```\n@uma\n```", []),
        ("    @uma\n", []),
        ("\\@uma is a handle", []),
        ("@", []),
        ("", []),
    ],
)
def test_who_is_called_is_who_is_named_by_handle_outside_code(
    text: str, expected: list[str], people: People
) -> None:
    assert called(text, people) == expected


def test_a_handle_with_dots_is_not_taken_for_its_beginning(people: People) -> None:
    longer = factories.person("uma.lind", "Uma Lind")
    everyone = [people.ux, longer]
    assert mentioned("@uma.lind. And @uma.", everyone) == [longer, people.ux]
    assert mentioned("@uma.lindqvist", everyone) == []


def test_a_mention_is_shown_as_the_name_and_never_as_markup(people: People) -> None:
    sly = factories.person("sly", "<b>Sly</b> & Co")
    names = names_by_handle([people.ux, sly])
    html = render("@uma and @sly, not `@uma` nor @xaver", people=names)
    assert '<span class="mention">Uma Lindqvist</span>' in html
    assert '<span class="mention">&lt;b&gt;Sly&lt;/b&gt; &amp; Co</span>' in html
    assert "<code>@uma</code> nor @xaver" in html


def test_a_record_text_calls_nobody(people: People) -> None:
    assert render("@uma wrote this") == "<p>@uma wrote this</p>\n"


def test_the_people_of_a_record_are_owner_participants_and_stand_ins_once_by_name(
    draft: Decision, people: People
) -> None:
    factories.second_person(draft, "ux")
    offer = delegate(draft, by=people.ux, taker=people.outsider)
    names = [str(one) for one in people_of(factories.fresh(draft))]
    assert names == sorted(names, key=str.casefold)
    assert len(names) == 6
    assert "Xaver Outis" not in names
    accept_delegation(offer, by=people.outsider)
    assert "Xaver Outis" in [str(one) for one in people_of(factories.fresh(draft))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@lena Sørensen says", "{} says"),
        ("@Lena sørensen, look", "{}, look"),
        ("@lena says", "{} says"),
        ("@lena Sørensens", "{} Sørensens"),
        ("@lena\nSørensen", "{}\nSørensen"),
    ],
)
def test_a_whole_name_after_the_sign_is_shown_once(text: str, shown: str, people: People) -> None:
    lena = factories.person("lena", "Lena Sørensen")
    names = names_by_handle([people.ux, lena])
    mention = '<span class="mention">Lena Sørensen</span>'
    assert render(text, people=names) == f"<p>{shown.format(mention)}</p>\n"
    assert mentioned(text, [lena]) == [lena]
