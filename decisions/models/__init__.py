"""The record's tables, a module per concern."""

from decisions.models.audit import Event, Version
from decisions.models.candidate import Approach, Assessment, Candidate, Direction, Goal
from decisions.models.decision import (
    OWNER,
    Decision,
    Section,
    SectionState,
    Status,
    Visibility,
)
from decisions.models.document import Document, DocumentFormat, DocumentState
from decisions.models.evidence import Evidence, EvidenceKind
from decisions.models.people import Participant, Role, User
from decisions.models.review import (
    Comment,
    Meaning,
    Review,
    SignOff,
    Thread,
    Verdict,
)

__all__ = [
    "OWNER",
    "Approach",
    "Assessment",
    "Candidate",
    "Comment",
    "Decision",
    "Direction",
    "Document",
    "DocumentFormat",
    "DocumentState",
    "Event",
    "Evidence",
    "EvidenceKind",
    "Goal",
    "Meaning",
    "Participant",
    "Review",
    "Role",
    "Section",
    "SectionState",
    "SignOff",
    "Status",
    "Thread",
    "User",
    "Verdict",
    "Version",
    "Visibility",
]
