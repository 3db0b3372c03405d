"""Cases come in, a model server answers them, and what happens on the way is seen and mended."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.evaluations.helpers import WORDS, rows
from tests.evaluations.helpers import write_csv as written
from tests.journeys.conftest import Running
from tests.journeys.test_first_light import say
from tests.openai_faults import Fault, failing
from tests.openai_server import KEY, ModelServer, Request, serving

pytestmark = pytest.mark.journey

Visit = Callable[..., Page]
OWNER = "Maren Okafor"
SCENE = """
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate
from decisions.models import User
from evaluations.models import Endpoint
owner = User.objects.get(username="maren")
Endpoint.objects.create(name="GPU server", slug="gpu", base_url="{url}", key="{key}",
                        concurrency=2, created_by=owner)
record = open_decision(by=owner, title="Who answers best?")
add_candidate(record, by=owner, name="A model", approach="prompting")
add_candidate(record, by=owner, name="Words alone", approach="rag",
              spec={{"technique": "rag/bm25_knn"}})
print(record.reference)
"""


def by_words(messages: Any) -> str:
    """Answer with the team whose word is in the message."""
    text = messages[-1]["content"].lower()
    return next((team for team, words in WORDS.items() if any(w in text for w in words)), "?")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """Serve a model that takes its time and, until told otherwise, refuses what is `locked`."""
    with serving(answer=by_words, delay=0.4) as found:
        found.fault_for = _refusing_locked
        yield found


def _refusing_locked(request: Request) -> Fault | None:
    return failing(400, "No such words here") if b"locked" in request.body else None


def bring_in(page: Page, folder: Path) -> None:
    """Import a file whose columns have names of their own."""
    told = [
        {"Ticket": row["id"], "Message": row["text"], "Queue": row["team"], "Part": row["split"]}
        for row in rows(tests=12)
    ]
    page.goto("/case-sets/")
    page.locator("main").get_by_role("link", name="New case set").click()
    page.get_by_label("Name").fill("Night messages")
    page.get_by_label("Cases", exact=True).set_input_files(written(folder / "night.csv", told))
    page.get_by_role("button", name="Look at the columns").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What the columns hold")
    page.get_by_label("Input").select_option("Message")
    page.get_by_label("Expected label or answer").select_option("Queue")
    page.get_by_label("Id").select_option("Ticket")
    page.get_by_label("Split").select_option("Part")
    page.get_by_role("button", name="Preview again").click()
    expect(page.locator("main")).to_contain_text("3 labels.")
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#look-at-it")).to_be_visible()
    page.locator("#look-at-it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Night messages")


def say_how(page: Page, record: str) -> None:
    """Let the first candidate ask the model server."""
    page.goto(f"{record}candidates/A/spec/")
    page.get_by_role("link", name=re.compile("^Prompt to a language model")).click()
    page.get_by_label("Endpoint").select_option("gpu")
    page.get_by_label("Model", exact=True).fill("small")
    page.get_by_role("button", name="Save").click()
    say(page, "How A. A model is run is saved.")


def test_a_case_set_comes_in_and_a_run_is_stopped_resumed_and_mended(
    running: Running, visit: Visit, server: ModelServer, tmp_path: Path
) -> None:
    scene = running.manage("shell", "-v", "0", "-c", SCENE.format(url=server.url, key=KEY))
    assert scene.returncode == 0, scene.stderr
    record = f"/decisions/{scene.stdout.strip()}/"
    page = visit(OWNER)
    bring_in(page, tmp_path)
    say_how(page, record)

    page.goto(f"{record}runs/")
    option = page.locator("#id_case_set option", has_text="Night messages")
    page.get_by_label("Case set").select_option(option.get_attribute("value"))
    page.get_by_label("A. A model").check()  # what may cost money is ticked by hand
    page.get_by_label("At once").fill("2")
    page.get_by_role("button", name="Run evaluation").click()
    say(page, "2 runs are asked for.")

    # Progress moves by itself.
    page.get_by_role("link", name=re.compile("A. A model")).first.click()
    run = page.url
    progress = page.locator("#run-progress progress[value]")
    expect(progress).to_be_visible()
    first = int(progress.get_attribute("value") or 0)
    expect(page.locator("#run-progress")).to_contain_text("a second")
    page.wait_for_function(
        "least => +document.querySelector('#run-progress progress').value > least", arg=first
    )

    # Cancelled, it stops; resumed, it goes on where it was.
    page.locator("#move-cancel").click()
    say(page, "is cancelled.")
    asked = len(server.chats)
    assert 0 < asked < 36
    page.wait_for_timeout(1500)
    assert len(server.chats) <= asked + 2
    page.locator("#move-resume").click()
    say(page, "goes on where it stopped.")
    expect(page.locator("#run")).to_contain_text("Finished", timeout=120_000)

    # What failed says why, and is tried again alone.
    failed = page.locator(".measure", has_text="No answer").locator(".value")
    count = int(failed.inner_text())
    assert count > 0
    page.goto(run)
    expect(page.locator("#cases")).to_contain_text("No such words here")
    server.fault_for = lambda request: None
    before = len(server.chats)
    page.locator("#move-retry").click()
    say(page, f"tries {count} failed cases again.")
    expect(failed).to_have_text("0", timeout=120_000)
    assert len(server.chats) == before + count

    # Its cases stand beside the other candidate's.
    page.goto(run)
    heads = page.locator("#cases thead th")
    expect(heads.filter(has_text="A model")).to_be_visible()
    expect(heads.filter(has_text="Words alone")).to_be_visible()
    page.goto(f"{record}evidence/")
    expect(page.locator("main")).to_contain_text("Accuracy")
