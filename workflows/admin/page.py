"""What the admin's pages share: a plain base, a read-only base, and forms that open in a dialog."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from workflows.admin import trail
from workflows.audit import Actor

# Sent by dialog.js: the answer to a post that is done names the next page instead of redirecting to it.
DIALOG_HEADER = "X-Dialog"


class Page(ModelAdmin):  # type: ignore[misc]
    """A table in the admin; lists are short, and nobody deletes a row by hand."""

    list_per_page = 50
    actions = None
    list_filter_sheet = False
    list_before_template = "workflows/admin/lead.html"
    # What the list holds, and, while it is empty, what would appear in it.
    lead = ""
    none_yet = ""
    # An address and the words that lead to it, behind the lead.
    lead_link: tuple[str, str] | None = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the audit: Django's own history knows nothing of what the services do."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, unquote(object_id))
        words = urlencode({"q": str(found)} if found else {})
        return HttpResponseRedirect(f"{reverse('admin:workflows_auditrecord_changelist')}?{words}")


class DescribedPage(Page):
    """A table whose rows have a part of ours above the theme's form (`change_form_outer_before_template`)."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        described = self.describe(request, row) if row is not None else {}
        shown = {**(extra_context or {}), **described}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, shown)
        return response

    def describe(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Gather what that part shows of a row."""
        raise NotImplementedError


class MadePage(Page):
    """A table whose rows are made in a form of ours, and which the theme's own form never edits."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if object_id:
            return self.edit(request, object_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self.make(request)

    def make(self, request: HttpRequest) -> HttpResponse:
        """Show the form that makes a row, or do it."""
        raise NotImplementedError

    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead back to the list: what is there is steered by the verbs in it."""
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))


class ReadOnlyPage(Page):
    """A table that only the service writes; it is a record itself, or its page tells what was done."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown = {**(extra_context or {}), "show_history": False}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, shown)
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonForm(forms.Form):
    """Every write says why; the reason ends up in the audit record or in the instance's log."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget({"rows": 2, "placeholder": "Why? Others will read this later."}),
    )


def show_form(request: HttpRequest, page: ModelAdmin, form: forms.Form, **context: Any) -> HttpResponse:
    """Show a form page; opened from a link with data-dialog it becomes a dialog."""
    return TemplateResponse(
        request,
        context.pop("template", "workflows/admin/form.html"),
        {
            **page.admin_site.each_context(request),
            "opts": page.opts,
            "form": form,
            "next": next_address(request, context.get("back", "")),
            **context,
        },
        status=422 if form.is_bound else 200,
    )


def finish(request: HttpRequest, address: str, message: str, level: int = messages.SUCCESS) -> HttpResponse:
    """Say what was done, with a link to its record, and go on, from a page or from a dialog."""
    messages.add_message(request, level, format_html("{}{}", message, trail.link(request)))
    if DIALOG_HEADER in request.headers:
        return HttpResponse(status=204, headers={"Location": address})
    return HttpResponseRedirect(address)


def next_address(request: HttpRequest, otherwise: str) -> str:
    """Return where the operator came from, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and ours else otherwise


def actor_of(request: HttpRequest) -> Actor:
    """Return who presses it; pages let nobody else in."""
    return Actor.from_user(request.user)  # type: ignore[arg-type]


def disabled(verb: str, why: str, *more: str) -> SafeString:
    """Show verbs that this operator may not use, and what they would take."""
    button = '<button type="button" class="mo-button mo-small" disabled title="{}">{}</button>'
    return format_html_join(" ", button, ((why, each) for each in (verb, *more)))
