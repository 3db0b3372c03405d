"""The desk: what waits on me."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from decisions.desk import Desk
from decisions.views.shared import person


def desk(request: HttpRequest) -> HttpResponse:
    """Show what waits on the person, what is open, and what changed since their last visit."""
    user = person(request)
    since = request.session.get("desk_since")
    if "desk_since" not in request.session:
        since = user.desk_seen_at.isoformat() if user.desk_seen_at else None
        request.session["desk_since"] = since
    user.saw_desk()
    return render(request, "decisions/desk.html", {"desk": Desk(user, since)})
