"""Documents with two lines for their pages: all else in them is as it leaves."""

import pytest

from decisions.exports.pdf import render_pdf
from decisions.models import Decision

PAGES = """<html lang="en"><head><title>A</title><meta name="description" content="B"></head>
<body><h1>Where from</h1><h2 style="break-before: page">And where to</h2></body></html>"""


def on_small_pages(record: Decision) -> bytes:
    """Return a record's document, before it is sealed, on two nearly empty pages.

    Laying out the pages takes longer than all the rest, and who verifies or imports reads none.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("decisions.exports.pdf.render_html", lambda _document: PAGES)
        return render_pdf(record)
