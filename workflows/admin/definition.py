"""Definitions: those of the code and declared ones, what an operator set of each, and the versions of the latter."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from workflows.admin import definition_edit, document, page
from workflows.admin.page import Page
from workflows.intake import definitions, refresher
from workflows.intake.definitions import DefinitionRefused, Described
from workflows.models import Definition, DefinitionChange, ShardBy

VERSIONS_SHOWN = 50
CHANGES_SHOWN = 20
LIST = "admin:workflows_definition_changelist"


@dataclass(frozen=True, slots=True)
class Line:
    """One definition. `version` is None when no code registers it any more; `why` says why it can't run."""

    slug: str
    kind: str
    version: int | None
    active: bool
    shard_by: str
    limit: str
    why: str | None

    @property
    def state(self) -> str:
        if self.version is None:
            return "unregistered"
        if not self.active:
            return "off"
        return "unrunnable" if self.why else "active"


class SettingsForm(page.ReasonForm):
    """What an operator sets of a definition."""

    active = forms.BooleanField(required=False, label="Active: its triggers are taken")
    shard_by = forms.ChoiceField(
        choices=ShardBy.choices, label="Placed by", help_text="By definition: all its instances on one shard."
    )
    limit = forms.IntegerField(
        min_value=0, label="Limit", help_text="Passes in each environment and window; 0 is no limit."
    )
    window_ms = forms.IntegerField(min_value=1, label="Window (ms)")

    field_order = (*definitions.SETTABLE, "reason")


@admin.register(Definition)
class DefinitionPage(Page):
    """The list, and a dialog, an editor and a history for each."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("new/", wrap(self.new_view), name="workflows_definition_new"),
            path("check/", wrap(self.check_view), name="workflows_definition_check"),
            path("<slug:slug>/edit/", wrap(self.edit_view), name="workflows_definition_edit"),
            path("<slug:slug>/set/", wrap(self.set_view), name="workflows_definition_set"),
            path("<slug:slug>/versions/", wrap(self.versions_view), name="workflows_definition_versions"),
            *super().get_urls(),
        ]

    def changeform_view(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Rows are changed in the dialog, with a reason."""
        return HttpResponseRedirect(reverse(LIST))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self._shown(request, "definitions.html", "Definitions", lines=list_definitions())

    def new_view(self, request: HttpRequest) -> HttpResponse:
        return definition_edit.edit(request, self)

    def edit_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        return definition_edit.edit(request, self, slug)

    def check_view(self, request: HttpRequest) -> HttpResponse:
        return definition_edit.check(request, self)

    def set_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        if not self._may_change(request):
            raise PermissionDenied
        described = known(slug)
        form = SettingsForm(request.POST or None, initial=settings_of(described))
        if form.is_valid():
            given = dict(form.cleaned_data)
            reason = given.pop("reason")
            try:
                actor = page.actor_of(request)
                definitions.save(slug, values=given, actor=actor, reason=reason)
            except DefinitionRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                said = f"{slug} is set; every process follows within 2 seconds."
                return page.finish(request, reverse(LIST), said, messages.SUCCESS)
        return page.show_form(
            request,
            self,
            form,
            title=f"Set {slug}",
            heading=f"Set {slug}",
            lead="Switched off, its new triggers are refused with 422.",
            keeps="What is buffered or running goes on as it is.",
            verb="Set it",
            back=reverse(LIST),
        )

    def versions_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        described = known(slug)
        shown = definitions.version(slug, _number(request.GET.get("version")))
        before = definitions.version(slug, shown.number - 1) if shown and shown.number > 1 else None
        return self._shown(
            request,
            "definition.html",
            slug,
            described=described,
            shown=shown,
            text=document.lay_out(shown.document) if shown else "",
            difference=document.difference(before.document, shown.document) if shown and before else [],
            versions=definitions.versions(slug, limit=VERSIONS_SHOWN),
            changes=DefinitionChange.objects.filter(slug=slug)[:CHANGES_SHOWN],
        )

    def _may_change(self, request: HttpRequest) -> bool:
        return bool(self.has_change_permission(request) and self.has_add_permission(request))

    def _shown(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        base = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        context["may_change"] = self._may_change(request)
        return TemplateResponse(request, f"workflows/admin/{template}", {**base, **context})


def list_definitions() -> list[Line]:
    """List what the code registers, what is declared, and what has a row, by slug."""
    refresher.refresh()
    return [line_of(each) for each in definitions.described()]


def line_of(each: Described) -> Line:
    state = each.state
    limit = f"{state.limit} in {state.window_ms} ms" if state.limit else ""
    return Line(each.slug, each.kind, each.version, state.active, each.shard_by, limit, each.unrunnable)


def known(slug: str) -> Described:
    refresher.refresh()
    described = next((each for each in definitions.described() if each.slug == slug), None)
    if described is None:
        raise Http404("There is no such definition")
    return described


def settings_of(described: Described) -> dict[str, Any]:
    state = described.state
    return {
        "active": state.active,
        "shard_by": described.shard_by,
        "limit": state.limit,
        "window_ms": state.window_ms,
    }


def _number(given: str | None) -> int | None:
    return int(given) if given and given.isdecimal() and len(given) < 10 else None
