"""Tables of results that no particular tool wrote: CSV, a list in JSON, or a row a line of JSON.

`Source.columns` says which column is which: from a role of `sheet.ROLES`, or the name of a score,
to a column's name; "" for a role that no column has. What it does not say, names are guessed for.
"""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from evaluations.importers.measured import Format, Found, Source
from evaluations.importers.results.json_stream import Pattern, outline
from evaluations.importers.results.sheet import Style, read_sheet
from evaluations.importers.results.table import CSV, JSON, LINES, first_names, header, rows, shape
from evaluations.importers.results.values import Remarks, sentences

LISTS = ("results", "rows", "data", "samples", "cases", "examples", "items", "records")


def detect(source: Source) -> bool:
    """Return whether a file looks like a table; any table does."""
    kind = shape(source)
    if kind == JSON:
        return _place(source) is not None
    return kind == LINES or (kind == CSV and len(header(source)) > 1)


def read(source: Source) -> Iterator[Found]:
    """Yield the systems, then their cases or figures; raise `Unreadable`."""
    with sentences(source):
        remarks, place = Remarks(), _place(source) or ("[]",)
        style = Style(columns=source.columns, title=source.title)
        yield from read_sheet(lambda: rows(source, (place,)), style, remarks)
        if place != ("[]",) and shape(source) == JSON:
            left = {path[0] for path in outline(source.path)} - {place[0]}
            for one in sorted(left):
                remarks.note(one, str(_("what stands beside the rows is not read")))
        yield from remarks.found()


def columns_of(source: Source) -> list[str]:
    """Return the names of a table's columns, as its beginning has them."""
    kind = shape(source)
    if kind in (CSV, LINES):
        return header(source) if kind == CSV else sorted(first_names(source))
    place = _place(source)
    if place is None:
        return []
    inside = (path for path in outline(source.path) if path[: len(place)] == place)
    return sorted({path[len(place)] for path in inside if len(path) > len(place)})


def _place(source: Source) -> Pattern | None:
    """Return where in a JSON file the rows are, None if there are none."""
    paths = outline(source.path)
    if any(path[0] == "[]" and len(path) > 1 for path in paths):
        return ("[]",)
    found = {path[0] for path in paths if len(path) > 2 and path[1] == "[]"}
    return next(((one, "[]") for one in LISTS if one in found), None)


FORMAT = Format("generic", _("a table (CSV, JSON or JSON lines)"), detect, read)
