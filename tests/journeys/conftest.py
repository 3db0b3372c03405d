"""The running product: `manage.py demo` with its own Redis, worker and beat, and Chromium."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240  # seconds for the first start: it measures the sample's candidates
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SOON = 45_000  # milliseconds: two cores may have other things to do
# Without it axe writes a style sheet into the page, which the page's policy refuses.
EVERY_RULE: dict[str, object] = {"preload": False, "resultTypes": ["violations"]}
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@dataclass(frozen=True)
class Running:
    """The product as it runs: its address, its folder, and its parent process."""

    address: str
    var: Path
    parent: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment in which commands find this installation."""
        return environment(self.var)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command on this installation."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )


def environment(var: Path) -> dict[str, str]:
    """Return the environment of an installation that keeps everything in `var`."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY"}
    }
    return inherited | {
        "COUNTERSIGN_VAR": str(var),
        "COUNTERSIGN_DEMO": "1",
        "COUNTERSIGN_DEBUG": "1",
        "EVALUATION_LEASE_SECONDS": "4",  # so that a journey sees the work of the dead taken over
    }


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Running]:
    """Start the product with its sample, once for all journeys, and stop it as Ctrl-C does."""
    var = tmp_path_factory.mktemp("var")
    mine = tmp_path_factory.getbasetemp()
    _copy_sample(mine if worker_id == "master" else mine.parent, var)
    port = free_port()
    log = (var / "demo.txt").open("w")
    parent = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(port)],
        cwd=ROOT,
        env=environment(var),
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    product = Running(f"http://127.0.0.1:{port}", var, parent)
    try:
        wait_until_ready(product)
        yield product
    finally:
        parent.send_signal(signal.SIGINT)
        parent.wait(30)
        log.close()


def _copy_sample(shared: Path, var: Path) -> None:
    """Load and measure the sample once for all processes of this run; who comes first does it."""
    sample = shared / "sample"
    with (shared / "sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not sample.exists():
            making = shared / "sample-making"
            done = subprocess.run(
                [sys.executable, "manage.py", "demo", "--setup-only"],
                cwd=ROOT,
                env=environment(making),
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            making.rename(sample)
        shutil.copytree(sample, var, dirs_exist_ok=True)


def wait_until_ready(product: Running) -> None:
    """Wait until the product answers; fail with what it said if it stops instead."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and product.parent.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(f"{product.address}/sign-in/", timeout=5)  # noqa: S310
            return
        time.sleep(0.5)
    pytest.fail((product.var / "demo.txt").read_text())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return Debian's own Chromium."""
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("No Chromium was found. `make test` installs it.")
    expect.set_options(timeout=SOON)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


def expect_accessible(page: Page, options: dict[str, object] = EVERY_RULE) -> None:
    """Expect that axe finds nothing, and that only what may scroll sideways does.

    Text can be there before the styles are. axe takes a page without a background for white, which
    a dark one is not: so it is asked only when everything has come.
    """
    page.wait_for_load_state("load")
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, page.url


@contextmanager
def scripted(browser: Browser, html: str, script: str) -> Iterator[Page]:
    """Open a page that consists of this and one of our scripts; an error in it fails the test."""
    context = browser.new_context()
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.set_content(html)
    page.add_script_tag(path=ROOT / f"static/js/{script}.js", type="module")
    yield page
    context.close()


@pytest.fixture
def visit(running: Running, browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Return a way to sit down as one of the sample people, each in a browser of their own."""
    contexts: list[BrowserContext] = []

    def sit_down(name: str, **options: object) -> Page:
        context = browser.new_context(base_url=running.address, **options)
        context.set_default_timeout(SOON)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(f"{page.url}: {error}"))
        page.goto("/sign-in/")
        page.get_by_role("button", name=name).click()
        page.wait_for_url("**/")
        return page

    yield sit_down
    for context in contexts:
        context.close()
