"""What the page of each move says before it is made."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from decisions.section_kinds import Text


@dataclass(frozen=True)
class MoveWords:
    """A page's short title, its heading, what will happen, and the button."""

    title: Text
    heading: Text
    lede: Text
    button: Text


MOVE_WORDS: dict[str, MoveWords] = {
    "reopen": MoveWords(
        _("Reopen"),
        _("Reopen the record as a draft"),
        _(
            "A new round begins. Every signature given so far lapses and stays visible in the "
            "history."
        ),
        _("Reopen it"),
    ),
    "withdraw": MoveWords(
        _("Withdraw"),
        _("Withdraw the record"),
        _("The decision is given up. The record stays readable; you can reopen it."),
        _("Withdraw it"),
    ),
    "supersede": MoveWords(
        _("Supersede"),
        _("Put a newer record in its place"),
        _("This record then says on every page that it no longer holds, and which one does."),
        _("Supersede it"),
    ),
    "amend": MoveWords(
        _("Amend"),
        _("Say which record amends this one"),
        _("Both go on to hold: this record then says on every page which one to read with it."),
        _("Say so"),
    ),
    "relate": MoveWords(
        _("Link"),
        _("Link another record"),
        _("Both records name each other. What is signed stays as it is."),
        _("Link it"),
    ),
    "note_outcome": MoveWords(
        _("What became of it"),
        _("What became of it?"),
        _(
            "Did the decision do what it was taken for? The note stands under the record from now "
            "on; what was signed stays as it is."
        ),
        _("Note it"),
    ),
}
