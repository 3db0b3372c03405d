"""What choosing a metric fills in: the script itself, on a page of its own."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.conftest import scripted

pytestmark = pytest.mark.journey

PAGE = """<!doctype html><title>Goal</title>
<form><label for="metric">Metric</label><select id="metric" name="metric">
<option value="accuracy" data-direction="at_least" data-hint="In %.">Accuracy</option>
<option value="latency" data-direction="at_most" data-hint="In ms.">Latency</option>
<option value="own">A metric of your own</option></select>
<input type="radio" name="direction" id="up" value="at_least"><label for="up">at least</label>
<input type="radio" name="direction" id="down" value="at_most"><label for="down">at most</label>
<p id="id_target-hint">In its unit.</p></form>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with the script and its form."""
    with scripted(browser, PAGE, "goal") as page:
        yield page


def test_a_metric_fills_in_its_direction_and_names_its_unit(page: Page) -> None:
    up, down, metric = page.get_by_label("at least"), page.get_by_label("at most"), "Metric"
    expect(up).to_be_checked()
    expect(page.get_by_text("In %.")).to_be_visible()
    page.get_by_label(metric).select_option("latency")
    expect(down).to_be_checked()
    expect(page.get_by_text("In ms.")).to_be_visible()
    page.get_by_label(metric).select_option("own")
    expect(page.get_by_text("In its unit.")).to_be_visible()
    up.check()
    page.get_by_label(metric).select_option("latency")
    expect(up).to_be_checked()
