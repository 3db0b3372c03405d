"""Addresses of the record and its workflow."""

from django.urls import path, register_converter

from decisions.views import (
    advice,
    bringing_in,
    bundles,
    delegations,
    documents,
    evidence,
    matrix,
    people,
    records,
    reviews,
    rows,
    sections,
    signing,
    templates,
)


class ReferenceConverter:
    """A decision's name in an address: `DR-12`."""

    regex = "[Dd][Rr]-[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> str:
        """Return the reference in capitals."""
        return value.upper()

    def to_url(self, value: str) -> str:
        """Return the reference as it is."""
        return value


register_converter(ReferenceConverter, "reference")

app_name = "decisions"
urlpatterns = [
    path("", records.list_decisions, name="list"),
    path("new/", records.new, name="new"),
    path("new/from-a-file/", bringing_in.bring_in, name="bring_in"),
    path("exports/", bundles.exports, name="exports"),
    path("exports/<int:pk>/file/", bundles.file, name="export_file"),
    path("exports/<int:pk>/cancel/", bundles.cancel, name="cancel_export"),
    path("templates/", templates.templates, name="templates"),
    path("templates/new/", templates.new_template, name="new_template"),
    path("templates/<slug:key>/", templates.template, name="template"),
    path("templates/<slug:key>/edit/", templates.edit_template, name="edit_template"),
    path("templates/<slug:key>/offer/", templates.offer_template, name="offer_template"),
    path("<reference:reference>/", records.record, name="record"),
    path("<reference:reference>/details/", records.details, name="details"),
    path("<reference:reference>/history/", records.history, name="history"),
    path("<reference:reference>/moves/<slug:action>/", records.move, name="move"),
    path("<reference:reference>/links/<int:pk>/remove/", records.remove_link, name="remove_link"),
    path("<reference:reference>/people/", people.people, name="people"),
    path("<reference:reference>/people/<int:pk>/", people.change, name="change_person"),
    path("<reference:reference>/people/<int:pk>/remove/", people.remove, name="remove_person"),
    path("<reference:reference>/parts/<slug:kind>/", sections.section, name="section"),
    path("<reference:reference>/parts/<slug:kind>/mark/", sections.mark, name="mark_section"),
    path("<reference:reference>/goals/new/", rows.new_goal, name="new_goal"),
    path("<reference:reference>/goals/<int:pk>/", rows.goal, name="goal"),
    path("<reference:reference>/goals/<int:pk>/remove/", rows.remove_goal, name="remove_goal"),
    path("<reference:reference>/goals/<int:pk>/accept/", rows.accept_goal, name="accept_goal"),
    path("<reference:reference>/goals/<int:pk>/decline/", rows.decline_goal, name="decline_goal"),
    path("<reference:reference>/candidates/", rows.candidates, name="candidates"),
    path("<reference:reference>/candidates/new/", rows.new_candidate, name="new_candidate"),
    path("<reference:reference>/candidates/<slug:letter>/", rows.candidate, name="candidate"),
    path(
        "<reference:reference>/candidates/<slug:letter>/assess/<slug:role>/",
        rows.assess,
        name="assess",
    ),
    path("<reference:reference>/advice/", advice.advice, name="advice"),
    path("<reference:reference>/matrix/", matrix.matrix, name="matrix"),
    path("<reference:reference>/matrix/weights/", matrix.apply, name="apply_weights"),
    path("<reference:reference>/figures/<slug:name>.svg", matrix.figure, name="figure"),
    path("<reference:reference>/evidence/", evidence.evidence, name="evidence"),
    path(
        "<reference:reference>/evidence/<int:number>/withdraw/",
        evidence.withdraw,
        name="withdraw_evidence",
    ),
    path(
        "<reference:reference>/evidence/files/<int:pk>/",
        evidence.attachment,
        name="attachment",
    ),
    path("<reference:reference>/threads/new/", reviews.new_thread, name="new_thread"),
    path("<reference:reference>/threads/<int:pk>/", reviews.thread, name="thread"),
    path("<reference:reference>/threads/<int:pk>/reply/", reviews.reply, name="reply"),
    path("<reference:reference>/threads/<int:pk>/resolve/", reviews.resolve, name="resolve"),
    path("<reference:reference>/comments/<int:pk>/", reviews.edit_comment, name="edit_comment"),
    path("<reference:reference>/changes/", reviews.changes, name="changes"),
    path("<reference:reference>/looks/", reviews.look, name="look"),
    path("<reference:reference>/review/", reviews.review, name="review"),
    path(
        "<reference:reference>/review/pending/<int:pk>/", reviews.edit_pending, name="edit_pending"
    ),
    path(
        "<reference:reference>/review/pending/<int:pk>/remove/",
        reviews.remove_pending,
        name="remove_pending",
    ),
    path("<reference:reference>/reviews/<int:pk>/lift/", reviews.lift, name="lift"),
    path("<reference:reference>/sign/", signing.sign, name="sign"),
    path("<reference:reference>/delegate/", delegations.delegate_record, name="delegate"),
    path("<reference:reference>/documents/", documents.documents, name="documents"),
    path("<reference:reference>/documents/<int:pk>/file/", documents.file, name="document_file"),
]
