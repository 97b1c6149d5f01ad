"""Actions: what is registered in code, and which an operator switched off, with the reason."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from workflows import audit
from workflows.actions import registry, switches
from workflows.admin import page
from workflows.audit import Act
from workflows.models import ActionSwitch

LIST = "admin:workflows_actionswitch_changelist"


@dataclass(frozen=True, slots=True)
class Line:
    """One action. `registered` is false of one that no code has any more, but an operator switched."""

    name: str
    does: str
    registered: bool
    switch: ActionSwitch | None

    @property
    def off(self) -> bool:
        return self.switch is not None and self.switch.disabled

    @property
    def state(self) -> str:
        if not self.registered:
            return "unregistered"
        return "off" if self.off else "active"


@admin.register(ActionSwitch)
class ActionSwitchPage(page.Page):
    """All actions; a switch is set from its dialog, which asks why."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.switch_view)
        return [path("<str:name>/switch/", view, name="workflows_actionswitch_switch"), *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return redirect(LIST)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(
            request,
            "workflows/admin/actions.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Actions",
                "lines": list_actions(),
                "may_change": self.has_change_permission(request),
            },
        )

    def switch_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        line = next((line for line in list_actions() if line.name == name), None)
        if line is None:
            raise Http404(f"There is no action {name}")
        verb = "Switch on" if line.off else "Switch off"
        form = page.ReasonForm(request.POST or None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            actor = page.actor_of(request)
            with transaction.atomic():
                switches.switch(name, off=not line.off, reason=reason, actor_name=actor.name)
                act = f"switch_action_{'on' if line.off else 'off'}"
                audit.note(Act(verb=act, actor=actor, reason=reason, filter={"action": name}, target=name))
            return page.finish(request, reverse(LIST), f"{name} is {'on' if line.off else 'off'}.")
        return page.show_form(
            request,
            self,
            form,
            title=f"{verb} {name}",
            heading=f"{verb} {name}",
            lead=line.switch.reason if line.off and line.switch else line.does,
            keeps=(
                "Definitions that use it run again. Steps that failed meanwhile stay failed."
                if line.off
                else "Definitions that use it are refused, and a step that comes to it fails at once with "
                "action_disabled and this reason. Calls that run end as they would."
            ),
            verb=verb,
            danger=not line.off,
            back=reverse(LIST),
        )


def list_actions() -> list[Line]:
    """List what the code registers and what an operator switched, by name."""
    rows = {row.name: row for row in ActionSwitch.objects.order_by("name")[: switches.MOST]}
    known = {each.name: each for each in registry.known()}
    return [
        Line(name, known[name].does if name in known else "", name in known, rows.get(name))
        for name in sorted({*rows, *known})
    ]
