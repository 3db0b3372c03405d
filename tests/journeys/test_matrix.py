"""A weight is moved, and the winner flips exactly where the sentence says."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Running
from tests.journeys.test_first_light import say

pytestmark = pytest.mark.journey

OWNER = "Maren Okafor"
SCENE = """
from hashlib import sha256
from decisions.actions.evidence import Measurement, attach_evidence
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate, add_goal
from decisions.models import User
owner = User.objects.get(username="maren")
record = open_decision(by=owner, title="Slow and right, or fast and less so?")
add_goal(record, by=owner, metric="accuracy", name="Accuracy", unit="%", direction="at_least",
         target=95.0, worst_acceptable=70.0, weight=3.0)
add_goal(record, by=owner, metric="latency_p95", name="Latency", unit="ms", direction="at_most",
         target=100.0, worst_acceptable=1000.0, weight=1.0)
for name, accuracy, latency in (("Large", 90.0, 640.0), ("Small", 80.0, 200.0)):
    candidate = add_candidate(record, by=owner, name=name, approach="other")
    attach_evidence(candidate, by=owner, measurements=[
        Measurement(metric=metric, metric_name=metric, value=value, n=400, unit=unit, method="Run.",
                    origin="A run", source_digest=sha256(repr(value).encode()).hexdigest())
        for metric, value, unit in (("accuracy", accuracy, "%"), ("latency_p95", latency, "ms"))])
print(record.reference)
"""
FLIP = re.compile(
    r"A comes first unless the weight of Latency rises from 1 to ([\d.]+) or more; then B does"
)


def first(page: Page, name: str) -> None:
    """Expect a candidate at the top of the ranking."""
    expect(page.locator(".ranking tbody tr").first).to_contain_text(name)


def type_weight(page: Page, weight: float) -> None:
    """Type the weight of latency with the keyboard."""
    number = page.get_by_role("spinbutton", name=re.compile("^Latency"))
    number.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(f"{weight:.2f}")
    expect(page).to_have_url(re.compile(rf"w_latency_p95={weight:.2f}"))
    expect(number).to_be_focused()


def test_a_weight_flips_the_winner_exactly_where_the_sentence_says(
    running: Running, visit: Callable[..., Page]
) -> None:
    scene = running.manage("shell", "-v", "0", "-c", SCENE)
    assert scene.returncode == 0, scene.stderr
    page = visit(OWNER)
    page.goto(f"/decisions/{scene.stdout.strip()}/matrix/")
    first(page, "Large")
    said = FLIP.search(page.locator("#flips").inner_text())
    assert said, page.locator("#flips").inner_text()
    at = float(said[1])

    type_weight(page, at - 0.01)
    first(page, "Large")
    expect(page.locator("#verdict")).to_contain_text("these weights are not saved")
    type_weight(page, at)
    first(page, "Small")

    # The slider and the number are one weight, and the keyboard moves it.
    slider = page.get_by_role("slider", name="Weight of Latency, slider")
    assert slider.input_value() == f"{at:.1f}"
    slider.focus()
    page.keyboard.press("Home")
    first(page, "Large")
    expect(page.get_by_role("spinbutton", name=re.compile("^Latency"))).to_have_value("0")

    # Nothing was saved; what is then saved stays.
    page.locator("#reset-weights").click()
    first(page, "Large")
    expect(page.locator("#what-if")).to_be_empty()
    type_weight(page, at)
    first(page, "Small")
    page.get_by_role("button", name="Save these weights").click()
    say(page, "The weights are saved.")
    first(page, "Small")
    expect(page.locator("#w_latency_p95")).to_have_value(f"{at:g}")


def test_the_sample_shows_a_decisive_comparison_and_one_that_is_not(
    visit: Callable[..., Page],
) -> None:
    page = visit(OWNER)
    page.goto("/decisions/DR-1/matrix/")
    pairs = page.locator("section", has=page.get_by_role("heading", name="Head to head"))
    sentences = pairs.locator("li").all_inner_texts()
    assert any("Not decisive:" in one for one in sentences)
    assert any("Not decisive:" not in one and "points ahead" in one for one in sentences)
