"""Bulk actions: the list with how far each is, the dialog that counts before it begins one, and the abort."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from workflows.admin import page
from workflows.admin.page import ReadOnlyPage, ReasonForm
from workflows.intake import bulk
from workflows.intake.bulk import BulkVerb, Counted, LookupUnavailable, SearchInvalid
from workflows.models import BulkAction
from workflows.search import as_uuid

LIST = "admin:workflows_bulkaction_changelist"
PER_PAGE = 50
NEEDED: Mapping[str, str] = MappingProxyType(
    {
        BulkVerb.CANCEL: "workflows.cancel_instance",
        BulkVerb.CANCEL_BACKLOG: "workflows.cancel_instance",
        BulkVerb.REDRIVE: "workflows.redrive_deadletter",
        BulkVerb.REPLAY_SUPPRESSED: "workflows.replay_storm",
    }
)
DOES: Mapping[str, str] = MappingProxyType(
    {
        BulkVerb.CANCEL: "Cancel instances, buffered ones too",
        BulkVerb.CANCEL_BACKLOG: "Cancel the backlog of a storm, quietly",
        BulkVerb.REDRIVE: "Redrive dead letters",
        BulkVerb.REPLAY_SUPPRESSED: "Replay what storms suppressed",
    }
)
CANCELLING = (BulkVerb.CANCEL, BulkVerb.CANCEL_BACKLOG)
KEEPS = (
    "What ends or arrives meanwhile is not touched. It goes on in the background, in batches; an abort ends it after "
    "the batch it is in, and what is done stays done."
)
NO_REDIS = "Redis does not answer, so what is buffered can't be counted. Nothing was begun."


class BulkForm(ReasonForm):
    """What to do, to what, and why."""

    # Not `action`: that is the address of a form, which the dialog reads.
    verb = forms.ChoiceField(label="What to do")
    search = forms.CharField(max_length=1_000, label="To what", help_text="Words as in the search of instances.")
    field_order = ("verb", "search", "reason")

    def __init__(self, *given: Any, verbs: list[str], **more: Any) -> None:
        super().__init__(*given, **more)
        self.fields["verb"].choices = [(verb, DOES[verb]) for verb in verbs]  # type: ignore[attr-defined]


@admin.register(BulkAction)
class BulkActionPage(ReadOnlyPage):
    """Own views: the list is read by keys, and is never counted."""

    def get_urls(self) -> list[URLPattern]:
        new, abort = self.admin_site.admin_view(self.new_view), self.admin_site.admin_view(self.abort_view)
        return [
            path("new/", new, name="workflows_bulkaction_new"),
            path("<uuid:pk>/abort/", abort, name="workflows_bulkaction_abort"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        before = as_uuid(request.GET.get("before", ""))
        lines = bulk.listing(None, before, PER_PAGE + 1)
        more = {"lines": lines[:PER_PAGE], "first": before is None}
        older = lines[PER_PAGE - 1].pk if len(lines) > PER_PAGE else None
        return self._show(request, "bulks", title="Bulk actions", older=older, may_begin=bool(allowed(request)), **more)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        id_ = as_uuid(object_id or "")
        action = find(id_) if id_ else None
        if action is None:
            raise Http404("There is no such bulk action")
        may_abort = request.user.has_perm(NEEDED[action.action])
        query = urlencode({"q": action.search})
        return self._show(
            request, "bulk", title=DOES[action.action], action=action, may_abort=may_abort, instances_query=query
        )

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Count what is meant, and begin it once that was seen."""
        verbs = allowed(request)
        if not verbs:
            raise PermissionDenied
        initial = {"verb": request.GET.get("verb", verbs[0]), "search": request.GET.get("q", "")}
        form = BulkForm(request.POST or None, verbs=verbs, initial=initial)
        verb, text = str(form["verb"].value() or ""), str(form["search"].value() or "")
        counted, fault = count(verb, text) if verb in verbs and text.strip() else (None, "")
        if fault and form.is_bound:
            form.add_error("search", fault)
        seen = f"{verb} {text}" if counted else ""
        was_seen = counted is not None and request.POST.get("seen") == seen
        if form.is_valid() and was_seen and (made := begin(request, form, verb, text)):
            address = reverse("admin:workflows_bulkaction_change", args=[made.pk])
            return page.finish(request, address, "It is begun; this page follows it.")
        return page.show_form(
            request,
            self,
            form,
            template="workflows/admin/bulk_new.html",
            title="New bulk action",
            heading="Act on everything that a search finds",
            counted=counted,
            counted_fault="" if form.is_bound else fault,
            seen=seen,
            changed=form.is_bound and counted and not was_seen,
            keeps=KEEPS if counted else "",
            verb="Begin" if counted else "Count first",
            danger=bool(counted) and verb in CANCELLING,
            back=reverse(LIST),
        )

    def abort_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """End one after its batch."""
        action = find(pk)
        if action is None:
            raise Http404("There is no such bulk action")
        if not request.user.has_perm(NEEDED[action.action]):
            raise PermissionDenied
        back = reverse("admin:workflows_bulkaction_change", args=[pk])
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            actor = page.actor_of(request)
            if bulk.abort(action, actor=actor, reason=form.cleaned_data["reason"]):
                return page.finish(request, back, "It ends after the batch it is in.")
            return page.finish(request, back, "It had ended, or was aborted, before.", messages.WARNING)
        return page.show_form(
            request,
            self,
            form,
            title="Abort bulk action",
            heading="Abort this bulk action",
            lead=f"{DOES[action.action]}: {action.search}. {action.done:,} done so far.",
            keeps="What is done stays done. The rest can be done by a new one.",
            verb="Abort it",
            danger=True,
            back=back,
        )

    def _show(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"workflows/admin/{name}.html", {**shared, "does": DOES, **context})


def allowed(request: HttpRequest) -> list[str]:
    """Return the verbs that this operator may use."""
    return [verb for verb, permission in NEEDED.items() if request.user.has_perm(permission)]


def find(id_: UUID) -> BulkAction | None:
    return BulkAction.objects.select_related("env__org", "audit").filter(pk=id_).first()


def count(verb: str, text: str) -> tuple[Counted | None, str]:
    """Count what is meant, or say what is in the way."""
    try:
        return bulk.dry_run(verb, text), ""
    except SearchInvalid as error:
        return None, str(error)
    except LookupUnavailable:
        return None, NO_REDIS


def begin(request: HttpRequest, form: ReasonForm, verb: str, text: str) -> BulkAction | None:
    """Begin it; None when the form has to say why not."""
    try:
        actor = page.actor_of(request)
        return bulk.create(verb, text, actor=actor, reason=form.cleaned_data["reason"])
    except SearchInvalid as error:
        form.add_error("search" if "search" in form.fields else None, str(error))
    except LookupUnavailable:
        form.add_error(None, NO_REDIS)
    return None
