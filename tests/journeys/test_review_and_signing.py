"""Reviewing, signing, standing in, superseding: several people, each in a browser of their own."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from decisions.demo import PASSWORD, PEOPLE
from tests.journeys.conftest import Running

pytestmark = pytest.mark.journey

Visit = Callable[..., Page]

OWNER, BUSINESS, SCIENCE, DEVOPS, UX, OUTSIDER = (person.name for person in PEOPLE)
TEAM = (BUSINESS, SCIENCE, DEVOPS, UX)

# Walks a record to a status through the same actions as the pages, with the sample's people.
WALK = """
from decisions.models import User
from tests import factories
by_name = {{user.name: user for user in User.objects.all()}}
team = factories.People(*(by_name[name] for name in {people!r}))
print(getattr(factories, {status!r})(team, title={title!r}).reference)
"""


@pytest.fixture
def record_in(running: Running) -> Callable[[str, str], str]:
    """Return a way to get the address of a record in some status."""

    def walk(status: str, title: str) -> str:
        names = [person.name for person in PEOPLE]
        done = running.manage("shell", "-v0", "-c", WALK.format(**locals(), people=names))
        assert done.returncode == 0, done.stderr
        return f"/decisions/{done.stdout.split()[-1]}/"

    return walk


def say(page: Page, sentence: str) -> None:
    """Expect a sentence in the live region."""
    expect(page.locator("#messages")).to_contain_text(sentence)


def hold_comment(page: Page, record: str, part: str, words: str, *, must_fix: bool = False) -> None:
    """Write a comment on a part and add it to one's review."""
    page.goto(record)
    page.get_by_role("link", name=f"Comment {part}", exact=True).click()
    page.get_by_label("Comment", exact=True).fill(words)
    if must_fix:
        page.get_by_label("Must be fixed before approval").check()
    page.get_by_role("button", name="Add to my review").click()
    expect(page.locator("#messages")).not_to_be_empty()


def send_review(page: Page, record: str, verdict: str, summary: str) -> None:
    page.goto(f"{record}review/")
    page.get_by_role("group", name="Verdict").get_by_label(verdict, exact=True).check()
    page.get_by_label("On the whole").fill(summary)
    page.get_by_role("button", name="Send the review").click()


def rewrite(page: Page, record: str, part: str, field: str, words: str) -> None:
    """Change one answer of a part, in place."""
    page.goto(record)
    page.get_by_role("link", name=f"Edit {part}", exact=True).click()
    form = page.locator("form.is-editing")
    form.get_by_label(field, exact=True).fill(words)
    form.get_by_role("button", name="Save").click()
    say(page, "Saved.")


def sign(page: Page, record: str) -> None:
    page.goto(f"{record}sign/")
    page.get_by_label("I approve this recommendation").check()
    page.get_by_label("Your password, again").fill(PASSWORD)
    page.get_by_role("button", name="Sign", exact=True).click()
    say(page, "You have signed")


def test_comments_are_held_back_until_the_review_is_sent(
    visit: Visit, record_in: Callable[[str, str], str]
) -> None:
    record = record_in("in_review", "Held-back comments")
    ux, devops, owner = visit(UX), visit(DEVOPS), visit(OWNER)
    hold_comment(ux, record, "Problem and scope", "Which **queue** is meant?", must_fix=True)
    hold_comment(ux, record, "Recommendation", "Who watches it, @priya?")
    devops.goto(record)
    expect(devops.locator("body")).not_to_contain_text("Which queue is meant?")
    ux.goto(f"{record}review/")
    expect(ux.locator(".is-pending")).to_have_count(2)
    send_review(ux, record, "Comment", "Nearly there.")
    say(ux, "Your review is sent.")

    owner.goto(record)
    expect(owner.get_by_role("button", name="Approve")).to_be_disabled()
    thread = owner.locator(".thread").filter(has_text="Which queue is meant?")
    expect(thread).to_contain_text("Must fix")
    thread.get_by_role("button", name="Resolve").click()
    say(owner, "Resolved.")
    expect(devops.locator("body")).not_to_contain_text("Who watches it")
    devops.goto(record)
    expect(devops.get_by_text("Who watches it,")).to_contain_text(DEVOPS)
    devops.goto("/notices/")
    expect(devops.locator("main")).to_contain_text("Held-back comments", timeout=30_000)


def test_a_request_for_changes_stands_until_what_it_spoke_of_has_changed(
    visit: Visit, record_in: Callable[[str, str], str]
) -> None:
    record = record_in("in_review", "Asking for changes")
    ux, business, owner = visit(UX), visit(BUSINESS), visit(OWNER)
    hold_comment(ux, record, "Problem and scope", "Say what happens at weekends.")
    send_review(ux, record, "Request changes", "One thing is missing.")
    say(ux, "Your review is sent.")
    owner.goto(record)
    expect(owner.locator("#next-step")).to_contain_text(f"{UX} has asked for changes.")

    send_review(ux, record, "Comment", "Still waiting.")
    say(ux, "still stands")
    rewrite(business, record, "Problem and scope", "Scope", "The whole week, weekends too.")
    ux.goto(f"{record}review/")
    expect(ux.locator("ins").filter(has_text="weekends")).to_be_visible()
    send_review(ux, record, "Comment", "Thank you.")
    owner.goto(record)
    expect(owner.locator("body")).not_to_contain_text(f"{UX} has asked for changes.")


def test_a_signature_lapses_and_signing_again_shows_the_difference_first(
    visit: Visit, record_in: Callable[[str, str], str]
) -> None:
    record = record_in("signed", "Lapse and sign again")
    business, owner = visit(BUSINESS), visit(OWNER)
    owner.goto(record)
    expect(owner.get_by_role("button", name="Approve")).to_be_enabled()
    rewrite(business, record, "Problem and scope", "Scope", "Weekends too.")
    owner.goto(record)
    expect(owner.get_by_role("button", name="Approve")).to_be_disabled()
    expect(owner.locator("#signatures .is-lapsed")).to_have_count(4)

    pages = {name: visit(name) for name in TEAM}
    ux = pages[UX]
    expect(ux.locator("main")).to_contain_text("It changed after you signed")
    ux.goto(f"{record}sign/")
    first = ux.locator("section").filter(has=ux.get_by_role("heading", level=2)).first
    expect(first).to_contain_text("Changed since you signed")
    expect(first.locator("ins").filter(has_text="Weekends")).to_be_visible()
    for page in pages.values():
        sign(page, record)
    owner.goto(record)
    owner.get_by_role("button", name="Approve").click()
    say(owner, "The record is approved.")


def test_who_is_away_lets_someone_else_sign(
    visit: Visit, record_in: Callable[[str, str], str]
) -> None:
    record = record_in("in_review", "Signing in someone’s place")
    ux, outsider = visit(UX), visit(OUTSIDER)
    response = outsider.goto(record)
    assert response is not None
    assert response.status == 404
    ux.goto(f"{record}delegate/")
    ux.get_by_label("E-mail address").fill(PEOPLE[-1].email)
    ux.get_by_label("Reason").fill("On leave")
    ux.get_by_role("button", name="Ask them").click()
    expect(ux.locator("#messages")).not_to_be_empty()

    outsider.goto("/")
    expect(outsider.locator("main")).to_contain_text("Signing in someone’s place")
    outsider.goto("/delegations/")
    outsider.get_by_role("button", name=f"Accept {UX}").click()
    expect(outsider.locator("#messages")).not_to_be_empty()
    sign(outsider, record)
    ux.goto(record)
    expect(ux.locator("#signatures")).to_contain_text(f"{OUTSIDER} for {UX}")
    ux.goto("/delegations/")
    ux.get_by_role("button", name=re.compile("Revoke")).first.click()
    expect(ux.locator("#messages")).not_to_be_empty()
    ux.goto(record)
    expect(ux.locator("#signatures")).to_contain_text(f"{OUTSIDER} for {UX}")
    response = outsider.goto(f"{record}sign/")
    assert response is not None
    assert response.status == 404


def test_a_newer_record_takes_the_place_of_an_old_one(
    visit: Visit, record_in: Callable[[str, str], str]
) -> None:
    old, new = record_in("approved", "The old way"), record_in("approved", "The new way")
    owner = visit(OWNER)
    owner.goto(old)
    owner.get_by_role("link", name="Supersede").click()
    owner.get_by_label("Superseded by").fill(new.split("/")[2])
    owner.get_by_role("button", name=re.compile("Supersede")).click()
    say(owner, "superseded")
    owner.goto(old)
    expect(owner.locator(".notice-caution")).to_contain_text("The new way")
    owner.goto(new)
    expect(owner.locator("main")).to_contain_text("The old way")
