"""Load tests of other tools: a summary or a table of requests → plain values, a module a format.

A reader takes the whole text, which an upload bounds, and raises `Unreadable` with one sentence for
what is cut off or makes no sense. A new format is one module with a FORMAT and one line below.
"""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from evaluations.importers.load import hey, k6, locust, requests, wrk
from evaluations.importers.load.found import LoadFile, LoadFormat, LoadTest
from evaluations.importers.rows import Unreadable

# In the order in which content is tried; the last one takes any table of requests.
FORMATS: tuple[LoadFormat, ...] = (
    k6.FORMAT,
    locust.FORMAT,
    locust.HISTORY,
    locust.FAILURES,
    hey.FORMAT,
    wrk.FORMAT,
    requests.FORMAT,
)


def read_load_test(
    name: str, content: bytes, columns: Mapping[str, str] | None = None
) -> tuple[LoadFormat, LoadTest]:
    """Return a file's format, by its content, and what it says; raise `Unreadable`.

    `columns` says of a table of requests what its columns hold; see `requests.py`.
    """
    file = load_file(name, content)
    form = detected(file)
    try:
        return form, form.read(file, dict(columns or {}))
    except RecursionError as error:
        raise _unreadable(file, form, _("it is nested too deeply.")) from error
    except KeyError as error:
        missing = _("it has no column “%(name)s”.") % {"name": error.args[0]}
        raise _unreadable(file, form, missing) from error
    except ValueError as error:
        raise _unreadable(file, form, str(error)) from error


def _unreadable(file: LoadFile, form: LoadFormat, why: str) -> Unreadable:
    """Return the exception for a file that is in a format, but makes no sense in it."""
    told = {"file": file.name, "tool": form.title, "why": why}
    return Unreadable(_("%(file)s (%(tool)s): %(why)s") % told)


def load_file(name: str, content: bytes) -> LoadFile:
    """Return an uploaded file as text; raise `Unreadable` where it is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(_("%(file)s is not UTF-8 text.") % {"file": name}) from error
    if "\0" in text:
        raise Unreadable(_("%(file)s is not UTF-8 text.") % {"file": name})
    return LoadFile(name, text)


def detected(file: LoadFile) -> LoadFormat:
    """Return the format that a file is in; raise `Unreadable`."""
    for form in FORMATS:
        if form.detect(file):
            return form
    known = ", ".join(dict.fromkeys(str(form.title) for form in FORMATS))
    sentence = _("%(file)s is in none of the known formats: %(known)s.")
    raise Unreadable(sentence % {"file": file.name, "known": known})
