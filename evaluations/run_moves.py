"""What a person can do with a run: one entry each, with when it is offered and what it does."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from decisions.models import User
from evaluations import actions
from evaluations.models import ResultState, Run, RunState
from evaluations.spec import Words


@dataclass(frozen=True)
class RunMove:
    """A button on a run's page. `do` returns the sentence that says what was done."""

    key: str
    label: Words
    icon: str
    offered: Callable[[Run], bool]
    do: Callable[[Run, User], str]
    is_main: bool = False


def _pause(run: Run, by: User) -> str:
    actions.pause_run(run, by=by)
    return _("%(run)s is paused; what is under way is finished.") % {"run": run}


def _resume(run: Run, by: User) -> str:
    actions.resume_run(run, by=by)
    return _("%(run)s goes on where it stopped.") % {"run": run}


def _cancel(run: Run, by: User) -> str:
    actions.cancel_run(run, by=by)
    return _("%(run)s is cancelled.") % {"run": run}


def _retry(run: Run, by: User) -> str:
    count = actions.retry_run(run, by=by)
    if not count:
        return _("%(run)s begins anew.") % {"run": run}
    sentence = ngettext(
        "%(run)s tries %(n)s failed case again.", "%(run)s tries %(n)s failed cases again.", count
    )
    return sentence % {"run": run, "n": count}


def _tune_again(run: Run, by: User) -> str:
    again = actions.tune_again(run, by=by)
    return _("%(again)s has another model tuned and measures it.") % {"again": again}


def _can_be_tuned_again(run: Run) -> bool:
    return run.is_paused and bool(actions.tuned_model_of(run))


def _attach(run: Run, by: User) -> str:
    actions.attach_run(run, by=by)
    return _("The figures of %(run)s are attached.") % {"run": run}


def _has_failed(run: Run) -> bool:
    """Return whether there is something to try again in a run that has ended here."""
    if run.is_imported:
        return False
    if run.state == RunState.FAILED:
        return not actions.hopeless(run)
    is_over = run.state == RunState.FINISHED
    return is_over and run.results.filter(state=ResultState.FAILED).exists()


def _has_stopped(run: Run) -> bool:
    return run.state in {RunState.PAUSED, RunState.CANCELLED}


MOVES = {
    move.key: move
    for move in (
        RunMove("pause", gettext_lazy("Pause"), "clock", lambda run: run.is_working, _pause),
        RunMove("resume", gettext_lazy("Go on"), "play", _has_stopped, _resume, is_main=True),
        RunMove("cancel", gettext_lazy("Cancel"), "stop", lambda run: run.is_open, _cancel),
        RunMove("retry", gettext_lazy("Try the failed again"), "history", _has_failed, _retry),
        RunMove("tune", gettext_lazy("Tune again"), "history", _can_be_tuned_again, _tune_again),
        RunMove(
            "attach",
            gettext_lazy("Attach to the record"),
            "link",
            lambda run: run.is_unattached,
            _attach,
            is_main=True,
        ),
    )
}


def moves_of(run: Run) -> list[RunMove]:
    """Return what is offered for a run as it stands."""
    return [move for move in MOVES.values() if move.offered(run)]
