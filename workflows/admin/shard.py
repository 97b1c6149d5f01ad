"""Shards: depth, lag, skew and pump of each lane; how many steps it runs at once is changed with a reason."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from workflows import conf, shards
from workflows.admin import page
from workflows.admin.page import Page, ReasonForm
from workflows.models import AuditRecord, Shard
from workflows.shards import ShardNotFound

LIST = "admin:workflows_shard_changelist"
COUNT_CAP = 10_000
CHANGES_SHOWN = 8
KEEPS = "Its pump has it within a heartbeat. Steps that run end; what waits keeps its place, on this shard."


class ParallelismForm(ReasonForm):
    """How many steps run at once."""

    max_parallelism = forms.IntegerField(
        min_value=0, max_value=shards.MAX_PARALLELISM, label="Max parallelism", help_text="0 pauses the shard."
    )
    field_order = ("max_parallelism", "reason")


class ResumeForm(ParallelismForm):
    """How many steps run at once from now on."""

    max_parallelism = forms.IntegerField(min_value=1, max_value=shards.MAX_PARALLELISM, label="Max parallelism")


@admin.register(Shard)
class ShardPage(Page):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        pause, resume = self.admin_site.admin_view(self.pause_view), self.admin_site.admin_view(self.resume_view)
        return [
            path("<int:index>/pause/", pause, name="workflows_shard_pause"),
            path("<int:index>/resume/", resume, name="workflows_shard_resume"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        verbs = (shards.PAUSE, shards.RESUME, shards.SET)
        return TemplateResponse(
            request,
            "workflows/admin/shards.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Shards",
                "lanes": shards.skew(shards.read(COUNT_CAP)),
                "cap": COUNT_CAP,
                "configured": conf.current().shards,
                "changes": AuditRecord.objects.filter(verb__in=verbs)[:CHANGES_SHOWN],
                "may_change": self.has_change_permission(request),
            },
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Change how many steps a shard runs at once."""
        shard = find(object_id or "")
        form = ParallelismForm(request.POST or None, initial={"max_parallelism": shard.max_parallelism})
        return self.show(request, shard, form, "Change parallelism")

    def pause_view(self, request: HttpRequest, index: int) -> HttpResponse:
        return self.show(request, find(str(index)), ReasonForm(request.POST or None), "Pause")

    def resume_view(self, request: HttpRequest, index: int) -> HttpResponse:
        shard = find(str(index))
        form = ResumeForm(request.POST or None, initial={"max_parallelism": shards.before_pause(index)})
        return self.show(request, shard, form, "Resume")

    def show(self, request: HttpRequest, shard: Shard, form: ReasonForm, verb: str) -> HttpResponse:
        """Show a dialog, or carry it out; one that asks for no number pauses."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if form.is_valid():
            value = form.cleaned_data.get("max_parallelism", 0)
            message, level = carry_out(request, shard.index, value, form.cleaned_data["reason"])
            return page.finish(request, page.next_address(request, reverse(LIST)), message, level)
        now = f"runs {shard.max_parallelism} steps at once" if shard.max_parallelism else "is paused"
        return page.show_form(
            request,
            self,
            form,
            title=f"{verb}: {shard}",
            heading=f"{verb} of {shard}" if verb.startswith("Change") else f"{verb} {shard}",
            lead=f"It {now}.",
            keeps=KEEPS,
            verb=f"{verb} the shard" if verb in {"Pause", "Resume"} else verb,
            danger=verb == "Pause",
            back=reverse(LIST),
        )


def find(index: str) -> Shard:
    """Return a shard.

    Raises:
        Http404: no pump has run it yet, or there is none of this index.
    """
    shard = Shard.objects.filter(index=int(index)).first() if index.isdecimal() and len(index) < 5 else None
    if shard is None:
        raise Http404("There is no such shard, or no pump has run it yet")
    return shard


def carry_out(request: HttpRequest, index: int, value: int, reason: str) -> tuple[str, int]:
    """Set it, and say how it went."""
    who = page.actor_of(request)
    match shards.set_parallelism(index, value, actor=who, reason=reason):
        case ShardNotFound():
            return f"There is no shard {index} any more.", messages.ERROR
        case before if before == value:
            return f"Shard {index} had {value} already. Nothing was changed.", messages.WARNING
        case _ if not value:
            return f"Shard {index} is paused.", messages.SUCCESS
        case before:
            return f"Shard {index} runs {value} steps at once; before it was {before}.", messages.SUCCESS
