"""Pages of the whole system: the Overview, the Buffer and the runbooks. Views see queries, never rows."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard import queries, runbooks
from dashboard.drawing import drawing
from dashboard.queries import shared
from mollifier.errors import BufferUnavailable, MollifierError
from workflows.search import as_uuid

MAY_WATCH = "workflows.view_instance"


def add_overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Give the admin's index what the Overview shows, to those who may see it."""
    if request.user.has_perm(MAY_WATCH):
        context["live"] = drawing.of(shared.get())
    return context


@permission_required(MAY_WATCH, raise_exception=True)
def live(_request: HttpRequest) -> HttpResponse:
    """Answer the part of the Overview that moves; the page asks every two seconds."""
    return HttpResponse(drawing.of(shared.get()).whole)


@permission_required(MAY_WATCH, raise_exception=True)
def buffer(request: HttpRequest) -> HttpResponse:
    """List the oldest entries, of all orgs or of one."""
    org = request.GET.get("org", "") if as_uuid(request.GET.get("org", "")) else None
    snapshot = shared.get()
    entries: list[queries.EntryLine] = []
    trouble = "" if snapshot.flow.available else BufferUnavailable.code
    # A Redis that hangs has cost this page one time-out already.
    if not trouble:
        try:
            entries = queries.read_entries(org)
        except MollifierError as error:
            trouble = error.code
    return render(
        request,
        "dashboard/buffer.html",
        {
            **admin.site.each_context(request),
            "title": "Buffer",
            "snapshot": snapshot,
            "choices": queries.choices(snapshot.orgs, entries),
            "entries": entries,
            "trouble": trouble,
            "org": org,
            "shown": queries.ENTRIES_SHOWN,
            **bulk_addresses(queries.slug_of(org)),
        },
    )


def bulk_addresses(slug: str) -> dict[str, str]:
    """Lead to the dialog of bulk actions with its search filled in; a redrive is always of one org."""
    new = reverse("admin:workflows_bulkaction_new")
    cancel = {"verb": "cancel", "q": f"status:buffered org:{slug}" if slug else "status:buffered"}
    redrive = {"verb": "redrive", "q": f"org:{slug}"}
    return {
        "cancel_address": f"{new}?{urlencode(cancel)}",
        "redrive_address": f"{new}?{urlencode(redrive)}" if slug else "",
    }


@permission_required(MAY_WATCH, raise_exception=True)
def list_runbooks(request: HttpRequest) -> HttpResponse:
    """List every alert with its runbook."""
    context = {**admin.site.each_context(request), "title": "Runbooks", "alerts": runbooks.ALERTS.values()}
    return render(request, "dashboard/runbooks.html", context)


@permission_required(MAY_WATCH, raise_exception=True)
def runbook(request: HttpRequest, name: str) -> HttpResponse:
    """Show what to do about an alert."""
    found = runbooks.read(name)
    if found is None:
        raise Http404(f"there is no alert {name!r}")
    context = {**admin.site.each_context(request), "title": name, "runbook": found}
    return render(request, "dashboard/runbook.html", context)
