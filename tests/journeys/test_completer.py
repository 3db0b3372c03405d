"""What @ and [[ offer while somebody types: the script itself, on a page of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.conftest import ROOT, scripted

pytestmark = pytest.mark.journey

PAGE = """<!doctype html><title>Completing</title>
<form><div class="field"><label for="body">Comment</label>
<textarea id="body" data-completes="people evidence"></textarea></div>
<div class="field"><label for="text">Text</label>
<textarea id="text" data-completes="references"></textarea></div>
<div class="field"><label for="words">Reservation</label>
<textarea id="words" data-completes="evidence"></textarea></div></form>
<datalist id="people"><option value="lena">Lena Sørensen</option>
<option value="ana.lima">Ana Lima</option></datalist>
<datalist id="references"><option value="E1">A. Prompt, Accuracy: 74.5 % (n = 200)</option>
<option value="E17">D. Tuned head, Accuracy: 84.0 % (n = 200)</option>
<option value="accuracy">Goal: Accuracy at least 78 %</option></datalist>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with the script, its lists and two text boxes."""
    with scripted(browser, PAGE, "completer") as page:
        yield page


def write(box: Locator, text: str) -> Locator:
    """Type a text into an empty box, key by key; return what is offered."""
    box.fill("")
    box.press_sequentially(text)
    return box.page.get_by_role("option")


@pytest.mark.parametrize("typed", ["@lena", "@Lena", "@Sø", "@Lena Sør", "@Lena Sørensen"])
def test_a_name_is_taken_once_however_much_of_it_was_typed(page: Page, typed: str) -> None:
    box = page.get_by_role("textbox", name="Comment")
    expect(write(box, f"Ask {typed}")).to_have_text("Lena Sørensen@lena")
    box.press("Enter")
    expect(box).to_have_value("Ask @lena ")
    expect(page.get_by_role("option")).to_have_count(0)


@pytest.mark.parametrize("caret", [len(" Sørensen now"), len("na Sørensen now")])
def test_the_rest_of_a_name_after_the_caret_goes_with_it(page: Page, caret: int) -> None:
    box = page.get_by_role("textbox", name="Comment")
    write(box, "Ask @Lena Sørensen now")
    for _ in range(caret):
        box.press("ArrowLeft")
    box.dispatch_event("input")
    box.press("Tab")
    expect(box).to_have_value("Ask @lena now")


@pytest.mark.parametrize("typed", ["mail a@lena", "@lena ", "@lena thanks", "@nobody", "[[zzz"])
def test_nothing_is_offered_where_nothing_is_called(page: Page, typed: str) -> None:
    expect(write(page.get_by_role("textbox", name="Comment"), typed)).to_have_count(0)


def test_evidence_is_found_by_its_words_and_taken_by_keyboard(page: Page) -> None:
    box = page.get_by_role("textbox", name="Text")
    offers = write(box, "It is [[acc")
    expect(offers).to_have_count(3)
    expect(box).to_have_attribute("aria-controls", "offers")
    expect(box).to_have_attribute("aria-activedescendant", "offer-0")
    box.press("ArrowDown")
    expect(offers.nth(1)).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(box).to_have_value("It is [[E17]]")
    expect(write(box, "[[tuned acc")).to_have_count(1)
    expect(write(box, "[[goal")).to_have_text("accuracyGoal: Accuracy at least 78 %")


def test_a_goal_is_not_offered_to_who_speaks_under_their_name(page: Page) -> None:
    box = page.get_by_role("textbox", name="Reservation")
    expect(write(box, "[[acc")).to_have_count(2)
    expect(page.get_by_role("listbox")).to_have_class("offers offers-references")
    expect(write(box, "[[goal")).to_have_count(0)


def test_evidence_is_taken_by_mouse_and_brackets_are_not_doubled(page: Page) -> None:
    box = page.get_by_role("textbox", name="Text")
    write(box, "[[E1]] is it")
    for _ in range(len("1]] is it")):
        box.press("ArrowLeft")
    box.dispatch_event("input")
    page.get_by_role("option").filter(has_text="E17").click()
    expect(box).to_have_value("[[E17]] is it")
    expect(box).to_be_focused()


def test_a_long_list_scrolls_and_the_keyboard_moves_on_in_it(page: Page) -> None:
    page.evaluate(
        """() => document.getElementById("references").append(
          ...Array.from({length: 27}, (_, at) => new Option(`Measured ${at}`, `E${at + 20}`)))"""
    )
    page.add_style_tag(path=ROOT / "static/css/controls.css")
    box = page.get_by_role("textbox", name="Text")
    offers = write(box, "[[")
    expect(offers).to_have_count(30)
    assert page.get_by_role("listbox").evaluate("one => one.scrollHeight > one.clientHeight")
    for _ in range(29):
        box.press("ArrowDown")
    expect(offers.last).to_be_in_viewport()
    offers.last.click()
    expect(box).to_have_value("[[E46]]")
    expect(box).to_be_focused()


def test_escape_closes_the_offers_and_keeps_the_text(page: Page) -> None:
    box = page.get_by_role("textbox", name="Text")
    expect(write(box, "[[E")).to_have_count(2)
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(box).to_have_value("[[E")
    # Nobody is called in a part of the record.
    expect(write(box, "@lena")).to_have_count(0)
