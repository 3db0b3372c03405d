"""Whatever a record says, making its documents asks nobody and reads nothing of the machine."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from pypdf import PdfReader
from weasyprint import HTML

from decisions.exports import pdf
from decisions.exports.conformance import VARIANT
from decisions.exports.document import record_document
from decisions.exports.formats import FORMATS
from decisions.models import Decision, DocumentFormat
from tests.decisions.hostile_texts import SECRET, everywhere, hostile_record, hostile_texts

pytestmark = pytest.mark.slow

# What is told by Python itself of each (docs.python.org: "Audit events table").
ASKING = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "ftplib.connect")


@pytest.fixture(scope="module")
def canary() -> Iterator[tuple[int, list[str]]]:
    """Return the port of a server that answers nobody, and the first lines of who came."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_listen, args=(server, came), daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _listen(server: socket.socket, came: list[str]) -> None:
    while True:
        try:
            visitor, _address = server.accept()
        except OSError:
            return
        with visitor:
            visitor.settimeout(1)
            came.append(visitor.recv(100).decode(errors="replace").partition("\r\n")[0])


def watched(make: Callable[[], dict[str, bytes]], folder: Path) -> list[list[str]]:
    """Make files in a process of its own, into a folder; return what Python was asked for there.

    A process of its own, because nothing takes an audit hook away again. It shares this one's
    database, which says nothing meanwhile, and ends without closing it.
    """
    child = os.fork()
    if not child:
        try:
            seen = _hooked()
            files = make()
            (folder / "seen.json").write_text(json.dumps(seen))
            for name, content in files.items():
                (folder / name).write_bytes(content)
        except BaseException as error:
            (folder / "seen.json").write_text(json.dumps([["error", repr(error)]]))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    found: list[list[str]] = json.loads((folder / "seen.json").read_text())
    return found


def _hooked() -> list[tuple[str, str]]:
    """Note from now on, for as long as this process lives, what is opened, asked and started."""
    seen: list[tuple[str, str]] = []

    def note(event: str, told: tuple[Any, ...]) -> None:
        if event == "open" or event in ASKING or event in STARTING:
            seen.append((event, str(told[0] if event == "open" else told)))

    sys.addaudithook(note)
    return seen


def is_ours(path: str) -> bool:
    """Return whether a file belongs to the project or to Python and its packages.

    By name: the project's modules, templates, styles and icons, and the file its version stands
    in; whatever lies in Python's own folders, such as the fonts' packages, the renderer's styles
    and colour profile, translations and time zones; the folder into which the renderer unpacks
    fonts; and two tables of the system's, of MIME types and time zones.
    """
    base = project_settings.BASE_DIR
    ours = [base / one for one in ("templates", "static", "decisions", "evaluations", "config")]
    pythons = [Path(one) for one in sys.path if one and Path(one) not in {Path.cwd(), base}]
    tables = [Path("/usr/share/zoneinfo"), Path("/etc/mime.types")]
    place = Path(os.path.abspath(path))
    # Also where it is gone by now: who throws fonts away opens their folder to empty it.
    if str(place).startswith(f"{tempfile.gettempdir()}/weasyprint-"):
        return True
    known = [*ours, *pythons, *tables, base / "pyproject.toml"]
    return any(place.is_relative_to(one) for one in known)


FORBIDDEN_TAGS = {
    *("link", "script", "img", "iframe", "object", "embed", "base", "video", "audio", "source"),
    *("image", "use", "form", "input", "button", "foreignobject", "animate", "set", "frame"),
}


PAINTED = {"style", "fill", "stroke", "filter", "mask", "clip-path", "background"}


class Fetching(HTMLParser):
    """Collects what a browser that reads a page would fetch, or where a click would lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        if tag in FORBIDDEN_TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            told = (value or "").strip().lower()
            leads = name in {"href", "xlink:href", "src", "srcset", "data", "action", "poster"}
            if leads and not (tag == "a" and told.startswith(("#", "http:", "https:", "mailto:"))):
                self.found.append(f"{tag} {name}={told}")
            if name.startswith("on") or (name in PAINTED and "url(" in told):
                self.found.append(f"{tag} {name}={told}")
            if name == "http-equiv" and told != "content-security-policy":
                self.found.append(f"{tag} {name}={told}")

    def handle_data(self, data: str) -> None:
        if self.style:
            self.found += re.findall(r"@import|url\((?!\"data:font/woff2;base64,)", data)

    def handle_endtag(self, tag: str) -> None:
        self.style = False


def unescaped(port: int) -> str:
    """Return a page that holds all forty as its own HTML, as if every template forgot to escape."""
    return f"<!doctype html><title>x</title><body>{'<hr>'.join(hostile_texts(port))}"


def test_a_plain_renderer_would_have_gone_out_and_read(
    canary: tuple[int, list[str]], tmp_path: Path
) -> None:
    """Hold the watching itself to account: it must see what happens where nothing is closed."""
    port, came = canary
    page = f'<img src="http://127.0.0.1:{port}/open"><link rel=attachment href="file://{SECRET}">'
    seen = watched(lambda: {"open.pdf": HTML(string=page).write_pdf()}, tmp_path)
    assert ["open", SECRET] in seen
    assert any(event == "socket.connect" for event, _told in seen)
    assert came == ["GET /open HTTP/1.1"]
    came.clear()


def test_forty_hostile_texts_reach_nobody_and_read_nothing(
    canary: tuple[int, list[str]], tmp_path: Path, db: None
) -> None:
    port, came = canary
    texts = hostile_texts(port)
    assert len(set(texts)) == 40
    record = hostile_record(port)
    _holds_all(record, texts)
    # On other paper it would be the same PDF once more.
    formats = [str(one) for one in DocumentFormat if not one.startswith("pdf-")]

    # Here, not in the child: its end would take away the fonts that this process goes on with.
    pdf._house.cache_clear()

    def make() -> dict[str, bytes]:
        return {one: FORMATS[one].make(record_document(record)).content for one in formats}

    seen = watched(make, tmp_path)
    asked = [one for one in seen if one[0] != "open"]
    read = sorted({path for event, path in seen if event == "open" and not is_ours(path)})
    assert (asked, read, came) == ([], [], [])
    for one in formats:
        assert (tmp_path / one).stat().st_size > 20_000
    _leads_nowhere(tmp_path)


def _holds_all(record: Decision, texts: list[str]) -> None:
    """Make sure that the record says what it is to say."""
    sections = record.sections.all()
    said = "\n".join(str(one) for section in sections for one in section.data.values())
    assert all(everywhere(one) in said for one in texts)
    assert "\n\n".join(texts) in said


def _leads_nowhere(folder: Path) -> None:
    """Look at the files: a browser fetches nothing, and a PDF opens nothing by itself."""
    page, html = Fetching(), (folder / "html").read_text()
    page.feed(html)
    assert page.found == []
    assert "default-src 'none'; style-src 'unsafe-inline'; font-src data:;" in html
    reader = PdfReader(BytesIO((folder / "pdf").read_bytes()))
    assert sorted(reader.attachments) == ["evidence.csv", "record.json"]
    assert not {"/OpenAction", "/AA"} & set(reader.root_object)
    actions = [
        note.get_object().get("/A", {}) for one in reader.pages for note in one.get("/Annots", [])
    ]
    assert {one.get("/S", "/GoTo") for one in actions} <= {"/GoTo", "/URI"}
    led = [str(one["/URI"]) for one in actions if "/URI" in one]
    assert all(one.lower().startswith(("http:", "https:", "mailto:")) for one in led)


def test_even_unescaped_they_reach_nobody(canary: tuple[int, list[str]], tmp_path: Path) -> None:
    port, came = canary
    page = unescaped(port)

    def make() -> dict[str, bytes]:
        closed = HTML(string=page, base_url=pdf.ASSETS, url_fetcher=pdf.PackagedOnly())
        return {"pdf": closed.write_pdf(pdf_variant=VARIANT)}

    seen = watched(make, tmp_path)
    assert [one for one in seen if one[0] != "open"] == []
    assert [path for event, path in seen if event == "open" and not is_ours(path)] == []
    assert came == []
    assert PdfReader(BytesIO((tmp_path / "pdf").read_bytes())).attachments == {}
