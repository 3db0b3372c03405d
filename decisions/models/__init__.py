"""The record's tables, a module per concern."""

from decisions.models.audit import Event, Version
from decisions.models.candidate import Approach, Assessment, Candidate, Direction, Goal
from decisions.models.decision import (
    OWNER,
    Decision,
    DecisionLink,
    OutcomeNote,
    Relation,
    Section,
    SectionState,
    Status,
    Success,
    Visibility,
)
from decisions.models.document import Document, DocumentFormat, DocumentState
from decisions.models.evidence import BROUGHT_IN, OF_RUNS, Attachment, Evidence, EvidenceKind
from decisions.models.notice import (
    Attempt,
    Delivery,
    Dispatch,
    Mail,
    Notice,
    NoticeKind,
    Webhook,
)
from decisions.models.people import Delegation, Participant, Role, User
from decisions.models.record_template import RecordTemplate
from decisions.models.review import (
    Comment,
    CommentEdit,
    Look,
    Meaning,
    PendingComment,
    Review,
    SignOff,
    Thread,
    Verdict,
)

__all__ = [
    "BROUGHT_IN",
    "OF_RUNS",
    "OWNER",
    "Approach",
    "Assessment",
    "Attachment",
    "Attempt",
    "Candidate",
    "Comment",
    "CommentEdit",
    "Decision",
    "DecisionLink",
    "Delegation",
    "Delivery",
    "Direction",
    "Dispatch",
    "Document",
    "DocumentFormat",
    "DocumentState",
    "Event",
    "Evidence",
    "EvidenceKind",
    "Goal",
    "Look",
    "Mail",
    "Meaning",
    "Notice",
    "NoticeKind",
    "OutcomeNote",
    "Participant",
    "PendingComment",
    "RecordTemplate",
    "Relation",
    "Review",
    "Role",
    "Section",
    "SectionState",
    "SignOff",
    "Status",
    "Success",
    "Thread",
    "User",
    "Verdict",
    "Version",
    "Visibility",
    "Webhook",
]
