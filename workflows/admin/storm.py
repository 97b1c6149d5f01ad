"""Storms: open and past, what each suppressed, and the dialogs that close one and replay it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from workflows import storms
from workflows.admin import backlog, page
from workflows.admin.page import ReadOnlyPage, ReasonForm
from workflows.audit import Act
from workflows.intake import suppressed
from workflows.models import Storm
from workflows.templatetags import readable

LIST = "admin:workflows_storm_changelist"
MAY_CLOSE, MAY_REPLAY, MAY_CANCEL = "workflows.close_storm", "workflows.replay_storm", "workflows.cancel_instance"
# A replay in the background ends before the cluster would give it up; another one goes on from there.
MOST_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be done with a storm; `does` says it in words, `address` leads to its dialog."""

    label: str
    does: str
    permission: str
    address: Callable[[Storm], str]
    closed_too: bool = True

    def button(self, storm: Storm, *, allowed: bool) -> SafeString:
        if not allowed:
            return page.disabled(self.label, f"Needs the permission to {self.permission.partition('.')[2]}")
        return format_html(
            '<a class="mo-button mo-small" data-dialog href="{}" aria-label="{} of {}">{}</a>',
            self.address(storm),
            self.does,
            storm,
            self.label,
        )


def at(name: str) -> Callable[[Storm], str]:
    return lambda storm: reverse(f"admin:workflows_storm_{name}", args=[storm.pk])


VERBS = (
    Verb("Close…", "Close the storm", MAY_CLOSE, at("close"), closed_too=False),
    Verb("Replay…", "Replay the storm", MAY_REPLAY, at("replay")),
    Verb("Cancel backlog…", "Cancel the backlog", MAY_CANCEL, at("cancel")),
    Verb("Act on all…", "Act on all instances", MAY_CANCEL, backlog.bulk_address),
)


class ReplayForm(ReasonForm):
    """How many, how fast, and why."""

    limit = forms.IntegerField(min_value=1, max_value=1_000, initial=100, help_text="At most; the oldest go first.")
    rate = forms.FloatField(min_value=0.1, max_value=100, initial=10, help_text="Triggers a second.")
    field_order = ("limit", "rate", "reason")

    def clean(self) -> dict[str, Any] | None:
        cleaned: dict[str, Any] | None = super().clean()
        if cleaned and {"limit", "rate"} <= set(cleaned) and cleaned["limit"] / cleaned["rate"] > MOST_SECONDS:
            self.add_error("limit", f"That takes longer than {MOST_SECONDS} s; take fewer, or storms replay.")
        return cleaned


@admin.register(Storm)
class StormPage(ReadOnlyPage):
    lead = "Where events would start more than their limit lets live at once, the rest is suppressed and kept."
    none_yet = "The first storm appears here with what it suppressed, to be closed, replayed, or its backlog cancelled."
    list_display = ("group", "tenant", "state", "opened", "refused", "peak_of_limit")
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    search_fields = ("definition", "event_type", "org__slug")
    sortable_by: ClassVar[list[str]] = []
    fields = ("group", "tenant", "state", "opened_at", "last_at", "closed_at", "refused", "peak_of_limit", "kept")
    readonly_fields: ClassVar = ["group", "tenant", "state", "refused", "peak_of_limit", "kept"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Storm]:
        found: QuerySet[Storm] = super().get_queryset(request)
        return found.select_related("org", "env")

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        return [*super().get_list_display(request), row_verbs(request)]

    def get_urls(self) -> list[URLPattern]:
        close, replay = self.admin_site.admin_view(self.close_view), self.admin_site.admin_view(self.replay_view)
        cancel = self.admin_site.admin_view(self.cancel_view)
        return [
            path("<int:pk>/cancel/", cancel, name="workflows_storm_cancel"),
            path("<int:pk>/close/", close, name="workflows_storm_close"),
            path("<int:pk>/replay/", replay, name="workflows_storm_replay"),
            *super().get_urls(),
        ]

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel what a storm has left waiting."""
        return backlog.cancel(request, self, find(request, pk, MAY_CANCEL), reverse(LIST))

    def close_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Close a storm by hand."""
        storm = find(request, pk, MAY_CLOSE)
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            closed = suppressed.close(storm, act(request, "close_storm", storm, form))
            return page.finish(request, reverse(LIST), "The storm is closed." if closed else "It was closed already.")
        return page.show_form(
            request,
            self,
            form,
            title="Close storm",
            heading=f"Close the storm of {storm}",
            lead=lead(storm),
            keeps="What is live goes on, and what is kept can still be replayed. If the group is over its limit the "
            "next event opens a new storm.",
            verb="Close the storm",
            danger=True,
            back=reverse(LIST),
        )

    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have what is kept submitted again, in the background."""
        storm = find(request, pk, MAY_REPLAY)
        form = ReplayForm(request.POST or None)
        if form.is_valid():
            limit, rate = form.cleaned_data["limit"], form.cleaned_data["rate"]
            if suppressed.request(storm, act(request, "replay_storm", storm, form), limit=limit, rate=rate):
                return page.finish(request, reverse(LIST), "The replay is queued; its record counts along.")
            form.add_error(None, "Redis does not answer, so the replay can't be queued. Nothing was submitted.")
        return page.show_form(
            request,
            self,
            form,
            title="Replay storm",
            heading=f"Replay what the storm of {storm} suppressed",
            lead=f"{lead(storm)} {storms.count_kept(storm.pk)} are kept and not replayed yet.",
            keeps="Each goes through the damper: the first that has no room ends the replay. What has an instance "
            "already is not started again, and a repeat goes on with the next.",
            verb="Replay them",
            back=reverse(LIST),
        )

    @admin.display(description="Event and definition")
    def group(self, storm: Storm) -> str:
        return str(storm)

    @admin.display(description="Environment")
    def tenant(self, storm: Storm) -> str:
        return f"{storm.org.slug}/{storm.env.slug}"

    @admin.display(description="State")
    def state(self, storm: Storm) -> SafeString | str:
        return readable.badge("open") if storm.closed_at is None else f"closed by {storm.closed_by}"

    @admin.display(description="Opened")
    def opened(self, storm: Storm) -> str:
        return readable.moment(storm.opened_at)

    @admin.display(description="Suppressed")
    def refused(self, storm: Storm) -> str:
        looping = f", {readable.count(storm.looping)} started by themselves" if storm.looping else ""
        return f"{readable.count(storm.suppressed)}{looping}"

    @admin.display(description="Peak of limit")
    def peak_of_limit(self, storm: Storm) -> str:
        return f"{storm.peak} of {storm.limit}"

    @admin.display(description="Kept, not replayed yet")
    def kept(self, storm: Storm) -> int:
        return storms.count_kept(storm.pk)


def row_verbs(request: HttpRequest) -> Callable[[Storm], SafeString]:
    """Return the column of what this operator may do with each storm, and may not."""
    may = {verb.permission: request.user.has_perm(verb.permission) for verb in VERBS}

    @admin.display(description="Actions")
    def verbs(storm: Storm) -> SafeString:
        shown = [verb for verb in VERBS if verb.closed_too or storm.closed_at is None]
        return format_html_join(" ", "{}", [(verb.button(storm, allowed=may[verb.permission]),) for verb in shown])

    return verbs


def find(request: HttpRequest, pk: int, permission: str) -> Storm:
    """Find a storm for who may act on it.

    Raises:
        PermissionDenied: the operator may look, not act.
        Http404: there is no such storm.
    """
    if not request.user.has_perm(permission):
        raise PermissionDenied
    storm = Storm.objects.select_related("org", "env").filter(pk=pk).first()
    if storm is None:
        raise Http404("There is no such storm")
    return storm


def lead(storm: Storm) -> str:
    return f"Of {storm.org.slug}/{storm.env.slug}; {readable.count(storm.suppressed)} suppressed."


def act(request: HttpRequest, verb: str, storm: Storm, form: forms.Form) -> Act:
    actor = page.actor_of(request)
    return suppressed.act(verb, storm, actor, form.cleaned_data["reason"])
