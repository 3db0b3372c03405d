"""What documents cost, against bare WeasyPrint on the same final HTML in the same run.

COUNTERSIGN_VAR=$(mktemp -d) python -m benchmarks.pdf [--pages 10 50 100 200] [--rounds 5]

Writes approved records of those sizes into an empty database of its own, through the actions that
people use. Each size is then made by a fresh process, as by a worker's new child. Seconds are the
processor's, not the clock's; memory is the most that the process ever held, in MB (10^6 bytes).

"Ours" is all between a row's key and the bytes that a worker keeps: gathering rows, figures,
Markdown, template, layout, what makes PDF/A also PDF/UA, and the whole record attached. "Bare" is
WeasyPrint given that very HTML, the same parsed styles and fonts, and its own PDF/A variant. The
two take turns, and the collector runs before each.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

STARTED = time.process_time()

import django  # noqa: E402

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("COUNTERSIGN_DEBUG", "1")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from weasyprint import CSS, HTML  # noqa: E402

from benchmarks.records import record_of  # noqa: E402
from config.celery import app  # noqa: E402
from decisions.actions.documents import request_document  # noqa: E402
from decisions.exports import pdf  # noqa: E402
from decisions.exports.conformance import VARIANT  # noqa: E402
from decisions.exports.document import RecordDocument, record_document  # noqa: E402
from decisions.exports.formats import FORMATS, Made  # noqa: E402
from decisions.exports.seal_keys import KeyFiles, Keys, make_keys  # noqa: E402
from decisions.models import Decision, Document, DocumentState  # noqa: E402

Row = dict[str, Any]


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor's seconds that some work takes, and what comes of it."""
    gc.collect()
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def of(reference: str) -> RecordDocument:
    """Return a record's document with nothing computed or remembered yet."""
    return record_document(Decision.objects.by_reference(reference).get())


def ours_of(reference: str) -> pdf.RenderedPdf:
    """Return what we make of a record, from its key to the file."""
    return pdf.make_pdf(of(reference))


def bare(document: RecordDocument, html: str) -> bytes:
    """Return what WeasyPrint makes of the HTML, with what it needs of ours: styles and fonts."""
    house = pdf._house(with_scripts=False)
    closed = pdf.PackagedOnly()
    page = CSS(string=pdf._page_rules(document, "A4"), url_fetcher=closed, font_config=house.fonts)
    made = HTML(string=html, base_url=pdf.ASSETS, url_fetcher=closed).write_pdf(
        stylesheets=[*house.styles, page], font_config=house.fonts, pdf_variant=VARIANT
    )
    return bytes(made)


def against_bare(reference: str, rounds: int) -> Row:
    """Return ours, bare and the seal, in seconds, and ratios: medians over rounds.

    Whatever else the machine does only adds to a time, so the least of each is the steadiest.
    """
    document = of(reference)
    html = pdf._drawable_html(document)
    sealed(document, ours_of(reference).content)
    bare(document, html)
    times = []
    for number in range(rounds):
        turns: list[Callable[[], Any]] = [
            partial(ours_of, reference),
            partial(bare, document, html),
        ]
        # Who goes first takes turns too.
        order = (0, 1) if number % 2 == 0 else (1, 0)
        taken = {one: cpu(turns[one]) for one in order}
        made = taken[0][1]
        sealing, _sealed = cpu(partial(sealed, document, made.content))
        times.append((taken[0][0], taken[1][0], sealing))
    ratios = [ours / plain for ours, plain, _seal in times]
    ours, plain, sealing = (statistics.median(one) for one in zip(*times, strict=True))
    return {
        "reference": reference,
        "pages": made.pages,
        "ours": ours,
        "bare": plain,
        "sealing": sealing,
        "ratio": statistics.median(ratios),
        "ratio of the least": min(one[0] for one in times) / min(one[1] for one in times),
        "ratios": [round(one, 3) for one in ratios],
        "sealed ratio": statistics.median((a + c) / b for a, b, c in times),
    }


def by_itself(reference: str) -> Row:
    """Return what this fresh process takes to load, for a first document and for a second."""
    loading = time.process_time() - STARTED
    first, made = cpu(partial(ours_of, reference))
    peak = _peak()
    second, _made = cpu(partial(ours_of, reference))
    return {
        "reference": reference,
        "pages": made.pages,
        "loading": loading,
        "first": first,
        "second": second,
        "ms a page": 1000 * second / made.pages,
        "peak": peak,
        "peak after the second": _peak(),
        "kB": len(made.content) / 1000,
    }


def made_anew(format: str, reference: str) -> Made:
    """Return a record in a format, with nothing remembered."""
    return FORMATS[format].make(of(reference))


def by_format(reference: str) -> Row:
    """Return the seconds and kB of each format, all made by one process that has made one."""
    for name in FORMATS:
        made_anew(name, reference)
    found = {name: cpu(partial(made_anew, name, reference)) for name in FORMATS}
    return {
        name: {"seconds": seconds, "kB": len(made.content) / 1000}
        for name, (seconds, made) in found.items()
    }


def verifying(reference: str) -> Row:
    """Return what it takes to verify the sealed file."""
    from decisions.exports.verify import certificates_in, verify

    document = of(reference)
    made = pdf.make_pdf(document)
    file = sealed(document, made.content)
    trusted = certificates_in(KeyFiles(_folder()).authority.read_bytes())
    verify(file, trusted)
    seconds, report = cpu(lambda: verify(file, trusted))
    assert report.is_intact  # noqa: S101
    return {"pages": made.pages, "kB": len(file) / 1000, "seconds": seconds, "peak": _peak()}


def kept(reference: str) -> Row:
    """Return what an unchanged record's document takes: asking, and reading the file."""
    record = Decision.objects.by_reference(reference).get()
    document = request_document(record, by=record.owner)
    document.file.save("kept.pdf", ContentFile(ours_of(reference).content))
    Document.objects.filter(pk=document.pk).update(state=DocumentState.READY)
    request_document(record, by=record.owner)
    asking, found = cpu(lambda: request_document(record, by=record.owner))
    reading, _content = cpu(found.file.read)
    assert found.pk == document.pk  # noqa: S101
    return {"asking": asking, "reading": reading, "kB": found.file.size / 1000}


def _peak() -> float:
    """Return the most memory that this process ever held, in MB (Linux counts in kB of 1,024)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "benchmark-seal"


def sealed(document: RecordDocument, content: bytes) -> bytes:
    """Return a finished file sealed as a worker does: with its key opened, and verified."""
    from decisions.exports.seal import sealed_document

    files = KeyFiles(_folder())
    opened = Keys(key=files.key, certificates=files.certificates).opened()
    record = document.record
    reason = f"{record.reference}, version {record.version}, SHA-256 {document.digest}"
    return sealed_document(content, opened, reason)


MEASURES: dict[str, Callable[..., Row]] = {
    "against-bare": against_bare,
    "by-itself": by_itself,
    "by-format": by_format,
    "verifying": verifying,
    "kept": kept,
}


def measured(name: str, reference: str, *more: int) -> Row:
    """Return what a fresh process measures."""
    command = [sys.executable, "-m", "benchmarks.pdf", name, reference, *map(str, more)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    row: Row = json.loads(done.stdout.splitlines()[-1])
    print(name, json.dumps(row, default=str), file=sys.stderr)
    return row


def table(rows: list[Row], columns: dict[str, str]) -> str:
    """Return rows as Markdown; `columns` says how each is written."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        cells = (format(row[name], how) for name, how in columns.items())
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Fill, measure in fresh processes, print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, nargs="+", default=[10, 50, 100, 200])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    if Decision.objects.exists():
        sys.exit("This database has records: take an empty one.")
    make_keys(KeyFiles(_folder()), "Benchmark", years=3)
    names = [record_of(pages).reference for pages in asked.pages]
    sizes = [measured("by-itself", one) for one in names]
    pairs = [measured("against-bare", one, asked.rounds) for one in names]
    told = {"pages": "d", "ours": ".2f", "bare": ".2f", "ratio": ".3f", "ratio of the least": ".3f"}
    print("\nOurs and bare WeasyPrint, seconds\n")
    print(table(pairs, told | {"sealing": ".3f", "sealed ratio": ".3f"}))
    print("\nBy size, each by a fresh process\n")
    told = {"pages": "d", "loading": ".2f", "first": ".2f", "second": ".2f", "ms a page": ".0f"}
    print(table(sizes, told | {"peak": ".0f", "peak after the second": ".0f", "kB": ".0f"}))
    print("\nFormat by format\n")
    formats = [
        {"format": f"{name}, {size['pages']} pages", **told}
        for size in (sizes[0], sizes[-1])
        for name, told in measured("by-format", size["reference"]).items()
    ]
    print(table(formats, {"format": "", "seconds": ".3f", "kB": ".0f"}))
    print("\nVerifying a sealed file, and serving one that is kept\n")
    told = {"pages": "d", "kB": ".0f", "seconds": ".2f", "peak": ".0f"}
    print(table([measured("verifying", names[-1])], told))
    print()
    print(table([measured("kept", names[-1])], {"asking": ".4f", "reading": ".5f", "kB": ".0f"}))


if __name__ == "__main__":
    app.conf.update(broker_url="memory://")
    if len(sys.argv) > 1 and sys.argv[1] in MEASURES:
        name, reference, *more = sys.argv[1:]
        print(json.dumps(MEASURES[name](reference, *map(int, more))))
    else:
        main()
