"""Every page as the people it concerns: axe finds nothing in it, and nothing is wider than it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import ConsoleMessage, Page, ViewportSize

from tests.journeys.conftest import EVERY_RULE, expect_accessible

pytestmark = pytest.mark.journey

Visit = Callable[..., Page]

WIDE: ViewportSize = {"width": 1440, "height": 1000}
NARROW: ViewportSize = {"width": 320, "height": 800}  # also what 1280 px shows at 400% zoom
# All that another theme changes.
COLOURS = EVERY_RULE | {"runOnly": ["color-contrast", "link-in-text-block"]}

REVIEWED = "/decisions/DR-1/"
PAGES = {
    "Maren Okafor": (
        "/",
        "/decisions/",
        "/decisions/?q=no+such+words",
        "/decisions/new/",
        "/decisions/exports/",
        REVIEWED,
        f"{REVIEWED}details/",
        f"{REVIEWED}candidates/",
        f"{REVIEWED}advice/",
        f"{REVIEWED}evidence/",
        f"{REVIEWED}matrix/?w_accuracy=3",
        f"{REVIEWED}evidence/add/",
        f"{REVIEWED}evidence/add/load-test/",
        f"{REVIEWED}evidence/add/study/scale/",
        f"{REVIEWED}evidence/add/estimate/",
        f"{REVIEWED}runs/",
        f"{REVIEWED}people/",
        f"{REVIEWED}history/",
        f"{REVIEWED}history/?from=1&to=9",
        f"{REVIEWED}documents/",
        f"{REVIEWED}parts/recommendation/",
        f"{REVIEWED}moves/reopen/",
        f"{REVIEWED}sign/",
        "/decisions/DR-2/",
        "/decisions/DR-3/",
        "/decisions/DR-6/",
        "/decisions/DR-6/advice/",
        "/case-sets/",
        "/case-sets/new/",
        "/case-sets/support-routing/",
        "/runs/1/",
        "/delegations/",
        "/webhooks/",
        "/webhooks/new/",
        "/decisions/templates/",
        "/decisions/templates/adapting-an-llm/",
        "/decisions/templates/adapting-an-llm/edit/",
        "/decisions/DR-2/moves/note_outcome/",
    ),
    "Tomasz Wójcik": (
        "/",
        "/notices/",
        "/mail/",
        "/settings/",
        REVIEWED,
        f"{REVIEWED}sign/",
        f"{REVIEWED}review/",
        f"{REVIEWED}delegate/",
        f"{REVIEWED}threads/new/?section=problem",
        f"{REVIEWED}candidates/new/",
        f"{REVIEWED}candidates/A/",
        f"{REVIEWED}candidates/A/spec/",
        f"{REVIEWED}candidates/A/assess/data_science/",
        f"{REVIEWED}goals/new/",
        f"{REVIEWED}evidence/1/withdraw/",
        f"{REVIEWED}parts/profile_data/",
        "/decisions/DR-4/",
        "/decisions/DR-4/documents/",
        "/decisions/DR-4/moves/supersede/",
        "/decisions/DR-5/",
        "/decisions/DR-5/review/",
    ),
    "Ravi Menon": ("/", "/decisions/DR-4/", "/decisions/DR-4/sign/"),
}


@pytest.mark.parametrize("person", PAGES)
def test_axe_finds_nothing_on_any_page(visit: Visit, person: str) -> None:
    page = visit(person, reduced_motion="reduce")  # colours change at once
    complaints = listen(page)
    for path in PAGES[person]:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(WIDE)
        page.goto(path)
        assert complaints == [], path
        expect_accessible(page)
        page.emulate_media(color_scheme="dark")
        expect_accessible(page, COLOURS)
        page.set_viewport_size(NARROW)
        expect_accessible(page)


def test_axe_finds_nothing_where_people_sign_in(visit: Visit) -> None:
    page = visit("Ravi Menon")
    page.context.clear_cookies()
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        page.goto("/sign-in/")
        expect_accessible(page)


def test_axe_finds_nothing_in_a_part_as_it_is_written_and_found_wrong(visit: Visit) -> None:
    page = visit("Lena Sørensen", viewport=NARROW)
    page.goto("/decisions/DR-6/")
    page.locator("#write-results_ux").press("Enter")
    form = page.locator("form.is-editing")
    form.wait_for()
    expect_accessible(page)
    form.get_by_label("This part is complete").check()
    form.get_by_role("button", name="Save").press("Enter")
    page.locator(".error-summary:focus").wait_for()
    expect_accessible(page)


def listen(page: Page) -> list[str]:
    """Return the list to which the page's complaints will be added, but for axe's own doing."""
    heard: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            heard.append(message.text)

    page.on("console", hear)
    return heard
