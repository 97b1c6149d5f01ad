"""Schedules: when each fires next and how its last fire ended; made, changed, paused and run by hand, with a reason."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows.admin import page, scheduling
from workflows.intake import definitions, timetable
from workflows.intake.timetable import ScheduleRefused
from workflows.models import Schedule
from workflows.templatetags import readable

LIST = "admin:workflows_schedule_changelist"
MAY_RUN = "workflows.run_schedule"
# A button that shows when it would fire, and keeps nothing.
LOOK = "look"
# What pausing leaves, and what going on does.
KEEPS = {
    True: "Nothing is fired, and nothing made up for later; a fire that waits is dropped. Instances go on.",
    False: "It fires next at its next time from now; what was missed meanwhile is not made up for.",
}


@admin.register(Schedule)
class SchedulePage(page.Page):
    lead = "A schedule starts a definition at its times, in a time zone of its own."
    none_yet = "Add one; when it fires next, and how its last fire ended, appears here."
    list_display = ("what", "tenant", "when", "state", "next_fire", "last_fire", "verbs")
    list_filter = ("enabled", "last_outcome")
    search_fields = ("definition", "env__org__slug")
    sortable_by: ClassVar[list[str]] = []
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        schedules: QuerySet[Schedule] = super().get_queryset(request)
        return schedules.select_related("env__org")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        allowed = self.has_change_permission(request) and request.user.has_perm(MAY_RUN)
        return columns if allowed else [each if each != "verbs" else "no_verbs" for each in columns]

    def get_urls(self) -> list[URLPattern]:
        switch, run = self.admin_site.admin_view(self.switch_view), self.admin_site.admin_view(self.run_view)
        return [
            path("<uuid:pk>/switch/", switch, name="workflows_schedule_switch"),
            path("<uuid:pk>/run/", run, name="workflows_schedule_run"),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Make a schedule, or change one."""
        if not (self.has_change_permission(request) if object_id else self.has_add_permission(request)):
            raise PermissionDenied
        schedule = self.get_object(request, object_id) if object_id else None
        if object_id and schedule is None:
            raise Http404("There is no such schedule")
        looking = LOOK in request.POST
        form = scheduling.ScheduleForm(
            request.POST or None, initial=scheduling.initial(schedule), fixed=schedule is not None, looking=looking
        )
        shown = schedule
        if form.is_valid():
            shown = Schedule(env=schedule.env if schedule else form.cleaned_data["env"], **form.values())
            if looking:
                form.told(ScheduleRefused(timetable.find_faults(shown)))
            elif scheduling.save(request, form, schedule):
                verb = "changed" if schedule else "made"
                return page.finish(request, reverse(LIST), f"The schedule of {shown.definition} is {verb}.")
        title = f"Schedule of {schedule.definition}" if schedule else "New schedule"
        return page.show_form(
            request,
            self,
            form,
            template="workflows/admin/schedule.html",
            title=title,
            heading=title,
            lead=f"Of {schedule.env.org.slug}/{schedule.env.slug}." if schedule else "",
            keeps="Instances it has started go on. A new time or zone counts from now.",
            verb="Save the schedule" if schedule else "Make the schedule",
            fires=timetable.upcoming(shown) if shown else [],
            definitions=[each.slug for each in definitions.described()],
            back=reverse(LIST),
        )

    def switch_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Pause a schedule, or let it go on."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        schedule = scheduling.find(pk)
        pausing = schedule.enabled
        form = page.ReasonForm(request.POST or None)
        if form.is_valid() and scheduling.switch(request, form, schedule, not pausing):
            told = "is paused" if pausing else "goes on"
            return page.finish(request, reverse(LIST), f"The schedule of {schedule.definition} {told}.")
        verb = "Pause" if pausing else "Resume"
        return page.show_form(
            request,
            self,
            form,
            title=f"{verb} schedule",
            heading=f"{verb} the schedule of {schedule.definition}",
            lead=scheduling.lead(schedule),
            keeps=KEEPS[pausing],
            verb=f"{verb} the schedule",
            danger=pausing,
            back=reverse(LIST),
        )

    def run_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Start it now."""
        if not request.user.has_perm(MAY_RUN):
            raise PermissionDenied
        schedule = scheduling.find(pk)
        form = scheduling.RunForm(request.POST or None, initial={"nonce": uuid4()})
        if form.is_valid():
            why, nonce = form.cleaned_data["reason"], str(form.cleaned_data["nonce"])
            fired = timetable.run_now(schedule, nonce, actor=page.actor_of(request), reason=why)
            message, level = scheduling.told(schedule, fired)
            return page.finish(request, reverse(LIST), message, level)
        return page.show_form(
            request,
            self,
            form,
            title="Run schedule now",
            heading=f"Run the schedule of {schedule.definition} now",
            lead=scheduling.lead(schedule),
            keeps="It is submitted at once, beside an instance that has not finished. Its next fire stays as it is.",
            verb="Run it now",
            back=reverse(LIST),
        )

    @admin.display(description="Definition")
    def what(self, schedule: Schedule) -> str:
        return schedule.definition

    @admin.display(description="Environment")
    def tenant(self, schedule: Schedule) -> str:
        return f"{schedule.env.org.slug}/{schedule.env.slug}"

    @admin.display(description="When")
    def when(self, schedule: Schedule) -> SafeString:
        return format_html('<span class="mo-mono">{}</span> {}', schedule.cron, schedule.timezone)

    @admin.display(description="State")
    def state(self, schedule: Schedule) -> SafeString:
        return readable.badge("active" if schedule.enabled else "paused")

    @admin.display(description="Next fire")
    def next_fire(self, schedule: Schedule) -> str:
        if schedule.next_at is None:
            return readable.NOTHING
        waits = "; one waits" if schedule.queued_at else ""
        return f"{readable.moment(schedule.next_at)}{waits}"

    @admin.display(description="Last fire")
    def last_fire(self, schedule: Schedule) -> SafeString | str:
        if not schedule.last_outcome:
            return readable.NOTHING
        outcome = format_html('<span title="{}">{}</span>', schedule.last_detail, readable.badge(schedule.last_outcome))
        at = readable.moment(schedule.last_at) if schedule.last_at else ""
        if schedule.last_instance is None:
            return format_html("{} {}", outcome, at)
        return format_html('{} <a href="{}">{}</a>', outcome, scheduling.instance_address(schedule), at or "instance")

    @admin.display(description="Actions")
    def verbs(self, schedule: Schedule) -> SafeString:
        address = reverse("admin:workflows_schedule_change", args=[schedule.pk])
        switch = "Pause…" if schedule.enabled else "Resume…"
        return format_html(
            '<a class="mo-button mo-small" href="{0}" aria-label="Change the schedule of {1}">Change…</a> '
            '<a class="mo-button mo-small" data-dialog href="{2}" aria-label="{3} the schedule of {1}">{3}</a> '
            '<a class="mo-button mo-small" data-dialog href="{4}" aria-label="Run the schedule of {1} now">'
            "Run now…</a>",
            address,
            schedule.definition,
            reverse("admin:workflows_schedule_switch", args=[schedule.pk]),
            switch,
            reverse("admin:workflows_schedule_run", args=[schedule.pk]),
        )

    @admin.display(description="Actions")
    def no_verbs(self, schedule: Schedule) -> SafeString:
        switch = "Pause…" if schedule.enabled else "Resume…"
        return page.disabled("Change…", "Needs the permissions to change and to run schedules", switch, "Run now…")
