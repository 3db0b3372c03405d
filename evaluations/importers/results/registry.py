"""The formats of result files that can be taken in, and which one a file is in."""

from importlib import import_module
from importlib.util import find_spec

from django.utils.translation import gettext as _

from evaluations.importers.measured import Format, Source
from evaluations.importers.results.values import sentences
from evaluations.importers.rows import Unreadable

PACKAGE = "evaluations.importers.results"

# In the order in which content is tried; the last one takes whatever has rows.
MODULES = (
    *("promptfoo", "lm_eval", "openai_evals", "inspect_ai", "helm", "mlflow", "deepeval"),
    *("pydantic_evals", "ragas", "generic"),
)


def detected(source: Source) -> Format:
    """Return the format that a file or folder is in, by its content; raise `Unreadable`."""
    if not source.path.exists():
        raise Unreadable(_("%(file)s does not exist.") % {"file": source.title})
    with sentences(source):
        for one in FORMATS:
            if one.detect(source):
                return one
    known = ", ".join(str(one.title) for one in FORMATS)
    sentence = _("%(file)s is in none of the known formats: %(known)s.")
    raise Unreadable(sentence % {"file": source.title, "known": known})


def format_named(key: str) -> Format:
    """Return the format of this key; raise `Unreadable`."""
    for one in FORMATS:
        if one.key == key:
            return one
    known = ", ".join(one.key for one in FORMATS)
    raise Unreadable(
        _("“%(key)s” is none of the formats: %(known)s.") % {"key": key, "known": known}
    )


def _formats() -> tuple[Format, ...]:
    names = (f"{PACKAGE}.{name}" for name in MODULES)
    return tuple(import_module(one).FORMAT for one in names if find_spec(one))


FORMATS = _formats()
