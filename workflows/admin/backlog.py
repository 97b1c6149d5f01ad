"""The dialog that cancels the backlog of a storm: what is there, what goes on, then a bulk action that does it."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from workflows import eventlog
from workflows.admin import bulk as bulk_page
from workflows.admin import page
from workflows.admin.page import ReasonForm
from workflows.intake.bulk import BulkVerb
from workflows.models import Storm
from workflows.search import Filter, Term

NEW = "admin:workflows_bulkaction_new"
COUNTED = 10_000
# Those that a pump has, by the damper's index of the group; what is pending is counted with what is cancelled.
ALIVE = """
SELECT status, count(*) FROM (
    SELECT status FROM workflows_instance
    WHERE org_id = %s AND env_id = %s AND definition = %s AND event_type = %s
        AND finished_at IS NULL AND status <> 'paused'
    ORDER BY created_at LIMIT %s
) live WHERE status <> 'pending' GROUP BY status ORDER BY status"""
KEEPS = (
    "What a pump has begun goes on: it runs or waits to its end. Nothing that is bound to ends hears of it; a parent "
    "that waits for one is told, and children end too. The storm stays open until few enough are left. It goes on in "
    "the background, in batches, and can be aborted; what is done stays done."
)


@dataclass(frozen=True, slots=True)
class Alive:
    """How many of one status go on."""

    status: str
    count: int


def cancel(request: HttpRequest, admin: page.Page, storm: Storm, back: str) -> HttpResponse:
    """Show what it would be, or begin it.

    Raises:
        PermissionDenied: the operator may look, not cancel.
    """
    if not request.user.has_perm(bulk_page.NEEDED[BulkVerb.CANCEL_BACKLOG]):
        raise PermissionDenied
    form = ReasonForm(request.POST or None)
    text = str(group_of(storm))
    if form.is_valid() and (made := bulk_page.begin(request, form, BulkVerb.CANCEL_BACKLOG, text)):
        address = reverse("admin:workflows_bulkaction_change", args=[made.pk])
        return page.finish(request, address, "It is begun; this page follows it.", messages.SUCCESS)
    counted, fault = bulk_page.count(BulkVerb.CANCEL_BACKLOG, text)
    return page.show_form(
        request,
        admin,
        form,
        template="workflows/admin/backlog.html",
        title="Cancel backlog",
        heading=f"Cancel the backlog of {storm}",
        lead=f"Of {storm.org.slug}/{storm.env.slug}, in rows and in the buffer.",
        counted=counted,
        counted_fault=fault,
        alive=alive(storm),
        keeps=KEEPS,
        verb="Cancel them",
        danger=True,
        back=back,
    )


def group_of(storm: Storm) -> Filter:
    """Write the group of a storm as a search."""
    tenant = f"{storm.org.slug}/{storm.env.slug}"
    named = {"env": tenant, "definition": storm.definition, "event": storm.event_type}
    return Filter(tuple(Term(qualifier, (value,)) for qualifier, value in named.items()))


def bulk_address(storm: Storm) -> str:
    """Return the address of the dialog that acts on all of the group, loudly."""
    return f"{reverse(NEW)}?{urlencode({'verb': BulkVerb.CANCEL.value, 'q': str(group_of(storm))})}"


def alive(storm: Storm) -> list[Alive]:
    """Count what goes on, as far as COUNTED."""
    group = (storm.org_id, storm.env_id, storm.definition, storm.event_type, COUNTED)
    return [Alive(*row) for row in eventlog.execute(ALIVE, group)]
