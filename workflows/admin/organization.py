"""Tenants: organizations with their rollout and depth, and their environments."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from workflows.admin import page, rollout, simulation
from workflows.admin.reasoned import ReasonedPage
from workflows.intake import console, shadow
from workflows.models import Environment, FlagChange, Organization, RolloutPlan
from workflows.models.plan import UNDER_WAY
from workflows.templatetags import readable

CHANGES_SHOWN = 8
PERIODS = (1, 7, 30)


class WithDepths(ChangeList):  # type: ignore[misc]
    """A page of orgs, each with what it has buffered; one exchange for all."""

    result_list: list[Any]
    trouble = ""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        depths = console.depths([row.pk for row in rows])
        if any(depth is console.UNKNOWN for depth in depths.values()):
            self.trouble = "Redis does not answer, so what is queued is not known. The gate fails open meanwhile."
        for row in rows:
            row.depth = depths[row.pk]
        self.result_list = rows


@admin.register(Organization)
class OrganizationPage(page.DescribedPage, ReasonedPage):
    """The list tells who is enrolled and who waits; the page of one carries the dialog."""

    lead = "Each is off, shadow, mirror or on. What one that is on sends over its limit waits in the buffer."
    none_yet = "Add one, then an environment and an API key for it; its rollout and its depth appear here."
    list_display = ("slug", "name", "mode", "share", "effective", "weight", "queued", "oldest", "change_rollout")
    list_filter = ("flags__mode",)
    search_fields = ("slug", "name")
    fields = ("slug", "name", "reason")
    sortable_by = ("slug", "name")
    change_form_outer_before_template = "workflows/admin/organization.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        orgs: QuerySet[Organization] = super().get_queryset(request)
        return orgs.select_related("flags").prefetch_related("environments")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WithDepths

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> Sequence[str]:
        return ("slug",) if obj else ()

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        if request.user.has_perm(rollout.MAY_CHANGE):
            return columns
        return [column if column != "change_rollout" else "may_not_change" for column in columns]

    def get_urls(self) -> list[URLPattern]:
        views = {"rollout": self.rollout_view, "simulation": self.simulation_view}
        own = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"workflows_organization_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def simulation_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return simulation.view(request, self, pk)

    def rollout_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return rollout.change(request, self, pk)

    def describe(self, request: HttpRequest, row: Organization) -> dict[str, Any]:
        return {"tenant": tenant(row, days_of(request))}

    @admin.display(description="Mode")
    def mode(self, org: Organization) -> SafeString:
        return readable.badge(rollout.flags_of(org).mode)

    @admin.display(description="Percent")
    def share(self, org: Organization) -> str:
        return f"{rollout.flags_of(org).percent} %"

    @admin.display(description="Effective")
    def effective(self, org: Organization) -> str:
        return rollout.effective(org)

    @admin.display(description="Weight")
    def weight(self, org: Organization) -> str:
        return readable.weight(rollout.flags_of(org).weight)

    @admin.display(description="Queued")
    def queued(self, org: Any) -> str:
        return readable.count(org.depth.queued)

    @admin.display(description="Oldest")
    def oldest(self, org: Any) -> str:
        return readable.duration(org.depth.oldest_seconds)

    @admin.display(description="Rollout")
    def change_rollout(self, org: Organization) -> SafeString:
        address = reverse("admin:workflows_organization_rollout", args=[org.pk])
        here = reverse("admin:workflows_organization_changelist")
        label = f"Change the rollout of {org.slug}"
        return format_html(
            '<a class="mo-button mo-small" data-dialog href="{}?next={}" aria-label="{}">Change…</a>',
            address,
            here,
            label,
        )

    @admin.display(description="Rollout")
    def may_not_change(self, org: Organization) -> SafeString:
        return page.disabled("Change…", "Needs the permission to change organization flags")


def days_of(request: HttpRequest) -> int:
    """Return for how many days the shadow report is asked."""
    asked = request.GET.get("days", "")
    return int(asked) if asked in {f"{days}" for days in PERIODS} else shadow.DAYS


def tenant(org: Organization, days: int) -> dict[str, Any]:
    """Gather what the page of one org shows above its form."""
    flags = rollout.flags_of(org)
    return {
        "org": org,
        "flags": flags,
        "limits": rollout.limits(flags),
        "effective": rollout.effective(org),
        "diverting": console.diverting(),
        "environments": rollout.enrolment(org),
        "depth": console.depths([org.pk])[org.pk],
        "plan": RolloutPlan.objects.filter(org=org, status__in=UNDER_WAY).first(),
        "shadow": shadow.report(org.pk, days),
        "periods": [(each, each == days) for each in PERIODS],
        "changes": list(FlagChange.objects.filter(org=org)[:CHANGES_SHOWN]),
    }


@admin.register(Environment)
class EnvironmentPage(ReasonedPage):
    """Made once; the tenant of an environment never changes."""

    lead = "Triggers, keys and instances are of an environment. It never moves to another organization."
    none_yet = "Add one to an organization; then it can have an API key."
    list_display = ("slug", "org", "created_at")
    list_select_related = ("org",)
    search_fields = ("slug", "org__slug")
    autocomplete_fields: ClassVar = ["org"]
    fields = ("org", "slug", "reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Environment | None = None) -> Sequence[str]:
        return ("org", "slug") if obj else ()
