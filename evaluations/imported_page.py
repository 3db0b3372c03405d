"""What the page of an imported run shows of the file that it came from."""

from functools import cached_property

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from decisions.numbers import format_count
from evaluations.imported_figures import Stated, is_excerpt, stated_figures, tool_of
from evaluations.importers.results.registry import FORMATS
from evaluations.models import Run

LONGEST_SETTING = 300


class ImportedPage:
    """Where an imported run is from, what its tool states, and what was not understood."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def note(self) -> str:
        """Return in a sentence where the run is from."""
        told = {"tool": tool_of(self.run), "file": self.run.told["file"]}
        if not self.run.case_set_id:
            sentence = _(
                "Measured by %(tool)s and brought in from %(file)s, which holds figures alone: "
                "they cannot be checked, nor compared case by case."
            )
        elif is_excerpt(self.run):
            sentence = _(
                "Measured by %(tool)s and brought in from %(file)s, which holds only a part of the "
                "answers: no figure was computed from them."
            )
        else:
            sentence = _(
                "Measured by %(tool)s and brought in from %(file)s. The figures were computed "
                "anew from its answers; errors and missing answers count as wrong."
            )
        return sentence % told

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Return (name, value) of what the file says."""
        told = self.run.told
        formats = {one.key: str(one.title) for one in FORMATS}
        facts = [
            (_("Model"), told["model"] or _("the file names none")),
            (_("Task"), told["task"]),
            (_("Tool"), tool_of(self.run)),
            (_("Format"), formats.get(told["format"], told["format"])),
            (_("File"), told["file"]),
            (_("System"), told["system"]),
            (_("How it ended"), told["status"]),
            (_("Measured"), _moment(told["started_at"])),
            (_("Answers in the file"), self._answers()),
        ]
        return [(name, value) for name, value in facts if value]

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Return (name, value) of how the tool ran it, as the file says."""
        known = self.run.told["settings"].items()
        return [(name, str(value)[:LONGEST_SETTING]) for name, value in known]

    @cached_property
    def stated(self) -> list[Stated]:
        """Return the figures that the tool states, each beside ours."""
        return stated_figures(self.run)

    @property
    def lost(self) -> list[dict[str, str]]:
        """Return what in the file was not understood, with where it is."""
        return list(self.run.told["not_understood"])

    def _answers(self) -> str:
        told = {
            "held": format_count(self.run.told["answers"]),
            "all": format_count(self.run.told["attempted"]),
        }
        return _("%(held)s of %(all)s attempted") % told


def _moment(stamp: str) -> str:
    found = parse_datetime(stamp) if stamp else None
    return date_format(found, "DATETIME_FORMAT") if found else ""
