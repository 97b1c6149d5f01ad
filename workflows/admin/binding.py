"""Bindings: which events start which definition; made, switched on and off with a reason, and tried."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows.admin import page
from workflows.admin.reasoned import ReasonedPage
from workflows.intake import bindings, emission, events, refresher
from workflows.intake.emission import EventInvalid
from workflows.intake.events import Emitted, Match
from workflows.intake.refresher import DirectoryUnavailable
from workflows.models import Binding
from workflows.templatetags import readable

LIST = "admin:workflows_binding_changelist"


class TryForm(forms.Form):
    """An event that somebody wonders about."""

    env = forms.CharField(
        label="Environment", widget=forms.TextInput({"placeholder": "org/environment", "list": "envs"})
    )
    type = forms.CharField(label="Type", max_length=100, widget=forms.TextInput({"placeholder": "order.created"}))
    payload = forms.CharField(label="Payload (JSON)", initial="{}", widget=forms.Textarea({"rows": 4}))


@admin.register(Binding)
class BindingPage(ReasonedPage):
    lead = "A binding starts its definition for each matching event, once for each event key."
    none_yet = "Add one; the events that match it start its definition from then on."
    list_display = ("what", "tenant", "condition", "loop_policy", "damper", "state", "verbs")
    list_filter = ("enabled", "loop_policy")
    search_fields = ("pattern", "definition", "org__slug")
    sortable_by: ClassVar[list[str]] = []
    fields = (
        *("pattern", "definition", "org", "env", "condition", "loop_policy", "enabled"),
        *("limit", "window_seconds", "reason"),
    )
    lead_link = ("admin:workflows_binding_try", "What would an event start?")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Binding]:
        found: QuerySet[Binding] = super().get_queryset(request)
        return found.select_related("org", "env__org")

    def get_readonly_fields(self, request: HttpRequest, obj: Binding | None = None) -> Sequence[str]:
        return ("pattern", "definition", "org", "env") if obj else ()

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        allowed = self.has_change_permission(request)
        return columns if allowed else [each if each != "verbs" else "no_verbs" for each in columns]

    def get_urls(self) -> list[URLPattern]:
        switch, attempt = self.admin_site.admin_view(self.switch_view), self.admin_site.admin_view(self.try_view)
        return [
            path("<uuid:pk>/switch/", switch, name="workflows_binding_switch"),
            path("try/", attempt, name="workflows_binding_try"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Binding, form: Any, change: bool) -> None:
        """Keep it; this process knows at once, the others within two seconds."""
        super().save_model(request, obj, form, change)
        refresher.refresh()

    def switch_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Switch a binding on or off."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        binding = Binding.objects.select_related("org", "env__org").filter(pk=pk).first()
        if binding is None:
            raise Http404("There is no such binding")
        on = not binding.enabled
        form = page.ReasonForm(request.POST or None)
        if form.is_valid():
            actor = page.actor_of(request)
            bindings.change(pk, actor=actor, reason=form.cleaned_data["reason"], enabled=on)
            refresher.refresh()
            return page.finish(request, reverse(LIST), f"{binding} is switched {'on' if on else 'off'}.")
        verb = "Switch on" if on else "Switch off"
        return page.show_form(
            request,
            self,
            form,
            title=f"{verb} binding",
            heading=f"{verb} {binding}",
            lead=f"For {tenant_of(binding)}.",
            keeps="Events from now on start its definition; those of the past don't."
            if on
            else "Nothing is started by it until somebody switches it on, whatever is deployed. Instances go on.",
            verb=verb,
            danger=not on,
            back=reverse(LIST),
        )

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Say what an event would start; nothing is written."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TryForm(request.GET or None)
        found = explain(form) if form.is_valid() else None
        envs = {f"{env.org.slug}/{env.slug}" for env in refresher.current().envs.values()}
        context = {"form": form, "matches": found, "envs": sorted(envs)[:200], "title": "What would this event start?"}
        return TemplateResponse(
            request,
            "workflows/admin/binding_try.html",
            {**self.admin_site.each_context(request), "opts": self.opts, **context},
            status=422 if form.errors else 200,
        )

    @admin.display(description="Event and definition")
    def what(self, binding: Binding) -> str:
        return str(binding)

    @admin.display(description="For")
    def tenant(self, binding: Binding) -> str:
        return tenant_of(binding)

    @admin.display(description="Damper")
    def damper(self, binding: Binding) -> str:
        if binding.limit is None:
            return "default"
        return f"{binding.limit} live" if binding.limit > 0 else "off"

    @admin.display(description="State")
    def state(self, binding: Binding) -> SafeString:
        return readable.badge("active" if binding.enabled else "off")

    @admin.display(description="Actions")
    def verbs(self, binding: Binding) -> SafeString:
        return format_html(
            '<a class="mo-button mo-small" data-dialog href="{0}" aria-label="{1} {2}">{1}…</a>',
            reverse("admin:workflows_binding_switch", args=[binding.pk]),
            "Switch off" if binding.enabled else "Switch on",
            binding,
        )

    @admin.display(description="Actions")
    def no_verbs(self, binding: Binding) -> SafeString:
        verb = "Switch off…" if binding.enabled else "Switch on…"
        return page.disabled(verb, "Needs the permission to change bindings")


def explain(form: TryForm) -> list[Match] | None:
    """Match an event against the bindings; None when the form has to say what is wrong."""
    given = form.cleaned_data
    org, _, slug = given["env"].partition("/")
    try:
        env = refresher.current().envs_by_slug.get((org, slug))
        if env is None:
            form.add_error("env", "There is no such environment; write it as organization/environment.")
            return None
        msgspec.json.decode(given["payload"])
        emitted = Emitted(env.org.id, env.id, given["type"], given["payload"].encode(), key="try")
        emission.check(emitted)
        return events.explain(emitted)
    except msgspec.DecodeError as error:
        form.add_error("payload", f"It is no JSON: {error}.")
    except EventInvalid as error:
        form.add_error(None, str(error))
    except DirectoryUnavailable:
        form.add_error(None, "The database does not answer; try again.")
    return None


def tenant_of(binding: Binding) -> str:
    if binding.env is not None:
        return f"{binding.env.org.slug}/{binding.env.slug}"
    return binding.org.slug if binding.org is not None else "everybody"
