"""The only writers of what may change about a frozen case set: its probe, and who reads it."""

from http import HTTPStatus

from django.utils.translation import gettext as _

from decisions.models import User
from decisions.policies import BadInput, Refusal, Refused
from evaluations.models import CaseSet, Corpus, Readers, Split


def attach_probe(case_set: CaseSet, probe: CaseSet, *, by: User) -> None:
    """Name the cases that a tuned model must not have forgotten; raise `BadInput`, `Refused`."""
    _refuse_unseen(case_set, by)
    _refuse_unseen(probe, by)
    if probe.slug == case_set.slug:
        raise BadInput(_("A probe asks for something else than the case set itself."))
    if not probe.count(Split.TEST):
        raise BadInput(_("%(case_set)s has no test cases.") % {"case_set": probe})
    _set_probe(case_set, probe)


def detach_probe(case_set: CaseSet, *, by: User) -> None:
    """Let a case set go without a probe; what was measured with it stays as it is."""
    _refuse_unseen(case_set, by)
    _set_probe(case_set, None)


def _set_probe(case_set: CaseSet, probe: CaseSet | None) -> None:
    CaseSet.objects.filter(pk=case_set.pk).update(probe=probe)
    case_set.probe = probe


def choose_readers(found: CaseSet | Corpus, readers: str, *, by: User) -> None:
    """Say who may read a version; who brought it in says so, or an administrator."""
    if not may_choose_readers(found, by):
        raise _forbidden(_("Who brought it in says who may read it."))
    if readers not in Readers.values:
        raise BadInput(_("Nobody knows who may read it."))
    type(found).objects.filter(pk=found.pk).update(visibility=readers)
    found.visibility = readers


def may_choose_readers(found: CaseSet | Corpus, user: User) -> bool:
    """Return whether a person says who may read it."""
    return user.is_superuser or found.created_by_id == user.pk


def _refuse_unseen(case_set: CaseSet, by: User) -> None:
    if not case_set.is_visible_to(by):
        raise _forbidden(_("%(case_set)s is not open to you.") % {"case_set": case_set})


def _forbidden(sentence: str) -> Refused:
    return Refused(Refusal(sentence, HTTPStatus.FORBIDDEN))
