"""UX says blind which of two candidates is better, and what they prefer stands on the record."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Running, expect_accessible

pytestmark = pytest.mark.journey

Visit = Callable[..., Page]

NAMES = ("Word index", "Told in words")
QUESTION = "Which team would you rather see this message sent to?"
NARROW = {"width": 320, "height": 800}
SCENE = """
from decisions.actions.records import invite, open_decision
from decisions.actions.rows import add_candidate
from decisions.models import User
from evaluations.actions import request_runs
from evaluations.models import CaseSet
owner = User.objects.get(username="maren")
record = open_decision(by=owner, title="What do people prefer?")
invite(record, by=owner, user=User.objects.get(username="lena"), role="ux", is_signatory=False)
made = [
    add_candidate(record, by=owner, name=name, approach=key.partition("/")[0],
                  spec={"technique": key})
    for name, key in (("Word index", "rag/bm25_knn"), ("Told in words", "prompting/zero_shot"))
]
request_runs(made, CaseSet.objects.named("Support routing"), by=owner)
print(record.reference)
"""


def expect_blind(page: Page) -> None:
    """Expect that neither the page nor its address tells whose answers they are."""
    told = page.content() + page.url
    assert not any(name in told for name in NAMES)
    assert not re.search(r"bm25|zero_shot|/runs/\d", told)


def test_a_blind_rating_from_opening_to_evidence(visit: Visit, running: Running) -> None:
    made = running.manage("shell", "-c", SCENE)
    assert made.returncode == 0, made.stderr
    record = f"/decisions/{made.stdout.split()[-1]}/"
    # Without motion, for a colour on its way to another has a contrast that nobody ever reads.
    owner = visit("Maren Okafor", reduced_motion="reduce")
    owner.goto(f"{record}runs/")
    expect(owner.locator("#runs").get_by_text("Finished")).to_have_count(2, timeout=240_000)

    owner.get_by_role("link", name="Ratings").click()
    expect_accessible(owner)
    owner.get_by_label("What is to be judged").fill(QUESTION)
    owner.get_by_label("Cases", exact=True).fill("5")
    owner.get_by_label("Lena Sørensen").check()
    owner.get_by_role("button", name="Open the rating").click()
    expect(owner.locator("#messages")).to_contain_text("is open")
    address = owner.url

    dark = {"viewport": NARROW, "color_scheme": "dark"}
    ux = visit("Lena Sørensen", reduced_motion="reduce", **dark)
    ux.goto(address)
    expect_accessible(ux)
    expect_blind(ux)
    ux.get_by_role("link", name="Start rating").click()
    for place, key in enumerate("1234", start=1):
        expect(ux.get_by_text(f"{place} of 5", exact=True)).to_be_visible()
        expect_accessible(ux)
        expect_blind(ux)
        ux.keyboard.down(key)
        ux.keyboard.down(key)  # held down: it counts once
        ux.keyboard.up(key)
    expect(ux.get_by_text("5 of 5", exact=True)).to_be_visible()
    ux.get_by_role("link", name="Stop for now").click()
    ux.get_by_role("link", name="Go on rating").click()
    ux.get_by_label("Comment").fill("The other one is about parcels, 1 of 4.")
    ux.get_by_role("button", name="Left is better").click()
    expect(ux.get_by_text("You have rated every case")).to_be_visible()
    expect_blind(ux)

    owner.goto(address)
    expect_blind(owner)
    owner.get_by_role("button", name="Close and show the result").click()
    expect(owner.get_by_role("heading", name="What people prefer")).to_be_visible()
    expect(owner.get_by_text("1 person rated up to 5 cases").first).to_be_visible()
    expect_accessible(owner)
    owner.get_by_role("link", name="Look at the evidence").click()
    pairs = owner.get_by_role("region", name="Head to head")
    expect(pairs).to_contain_text("Preferred by people, against B")
    expect(pairs).to_contain_text("Exact McNemar test")
    expect_accessible(owner)
