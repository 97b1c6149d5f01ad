"""Rollout plans: the timeline of each, and the dialogs that begin, pause, resume and abort one."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows.admin import page, rollout
from workflows.admin.page import ReadOnlyPage, ReasonForm
from workflows.intake import planned, plans
from workflows.intake.guardrails import Guardrails
from workflows.intake.plans import PlanRefused, Step
from workflows.models import Organization, PlanEvent, PlanStatus, RolloutPlan
from workflows.templatetags import readable

LIST = "admin:workflows_rolloutplan_changelist"
ONE = "admin:workflows_rolloutplan_change"
TONES = {"begun": "info", "advanced": "good", "finished": "good", "paused": "warn", "resumed": "info"}
VERBS: dict[str, tuple[Callable[..., RolloutPlan], str]] = {
    "pause": (plans.pause, "It stays at its step, and nothing is judged until you resume it."),
    "resume": (plans.resume, "Its step is set again, where somebody changed the flags, and bakes anew."),
    "abort": (plans.abort, "Mode and percentage go back to what they were before the plan. What is buffered drains."),
}


class PlanForm(ReasonForm):
    """The steps, a line each, and the guardrails."""

    steps = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea({"rows": 6, "class": "mo-code"}),
        help_text="A line each: mode, percent of the environments, and how long it bakes (s, min, h, d).",
    )
    max_drain_failures = forms.IntegerField(
        min_value=0, label="Drain failures", help_text="Dead letters and attempts that failed, since the step began."
    )
    max_dwell_p95_ms = forms.IntegerField(min_value=0, label="Dwell p95 (ms)", help_text="Of what was drained since.")
    max_stale = forms.IntegerField(min_value=0, label="Stale entries", help_text="That wait too long now.")
    max_fail_open_percent = forms.FloatField(
        min_value=0, max_value=100, label="Failed open (%)", help_text="Of the gate's decisions since."
    )
    field_order = (
        "steps",
        "max_drain_failures",
        "max_dwell_p95_ms",
        "max_stale",
        "max_fail_open_percent",
        "reason",
    )

    def clean_steps(self) -> list[Step]:
        try:
            return planned.read(self.cleaned_data["steps"].strip().splitlines())
        except PlanRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


@admin.register(RolloutPlan)
class PlanPage(page.DescribedPage, ReadOnlyPage):
    """The list, and the page of one with its timeline."""

    lead = "A plan rolls an organization out in steps, and takes it back by itself when a guardrail breaks."
    none_yet = "Begin one on the page of an organization; its steps and its timeline appear here."
    list_display = ("org", "state", "where", "since", "actor_name", "reason", "verbs")
    list_filter = ("status",)
    list_select_related = ("org",)
    search_fields = ("org__slug", "reason")
    sortable_by = ()
    change_form_outer_before_template = "workflows/admin/plan.html"

    def get_urls(self) -> list[URLPattern]:
        steer, begin = self.admin_site.admin_view(self.steer_view), self.admin_site.admin_view(self.begin_view)
        return [
            path("begin/<uuid:org>/", begin, name="workflows_rolloutplan_begin"),
            path("<int:pk>/<str:verb>/now/", steer, name="workflows_rolloutplan_steer"),
            *super().get_urls(),
        ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show none of the row itself: the page above it tells all of it in words."""
        return []

    def describe(self, request: HttpRequest, row: RolloutPlan) -> dict[str, Any]:
        return {"plan": described(request, row)}

    def begin_view(self, request: HttpRequest, org: str) -> HttpResponse:
        """Begin a plan of an org."""
        _permit(request)
        found = Organization.objects.filter(pk=org).first()
        if found is None:
            raise Http404(f"There is no organization {org}")
        back = reverse("admin:workflows_organization_change", args=[found.pk])
        initial = {"steps": "\n".join(map(planned.written, plans.DEFAULT_STEPS)), **asdict(Guardrails())}
        form = PlanForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_valid() and (plan := begin(request, found, form)):
            address = reverse(ONE, args=[plan.pk])
            return page.finish(request, address, f"{found.slug}: the plan has begun, at {plans.steps_of(plan)[0]}.")
        return page.show_form(
            request,
            self,
            form,
            title=f"Roll out {found.slug}",
            heading=f"Roll out {found.slug} in steps",
            lead="Each step bakes, then the next follows by itself. A broken guardrail takes the org one step back.",
            keeps="The first step holds at once. Counters are of everybody, as drainer and Redis are everybody's.",
            verb="Begin the plan",
            back=back,
        )

    def steer_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Pause, resume or abort a plan."""
        _permit(request)
        plan = RolloutPlan.objects.select_related("org").filter(pk=pk).first()
        if plan is None or verb not in VERBS:
            raise Http404("There is no such plan, or no such verb")
        act, keeps = VERBS[verb]
        form = ReasonForm(request.POST if request.method == "POST" else None)
        back = reverse(ONE, args=[plan.pk])
        if form.is_valid() and steered(request, act, plan, form):
            return page.finish(request, page.next_address(request, back), f"{plan.org.slug}: the plan is {told(pk)}.")
        return page.show_form(
            request,
            self,
            form,
            title=f"{verb.capitalize()} the rollout of {plan.org.slug}",
            heading=f"{verb.capitalize()} the rollout of {plan.org.slug}",
            lead=f"Now {where(plan)}.",
            keeps=keeps,
            verb=f"{verb.capitalize()} the plan",
            danger=verb == "abort",
            back=back,
        )

    @admin.display(description="State")
    def state(self, plan: RolloutPlan) -> SafeString:
        return readable.badge(plan.status)

    @admin.display(description="Step")
    def where(self, plan: RolloutPlan) -> str:
        return where(plan)

    @admin.display(description="Since")
    def since(self, plan: RolloutPlan) -> str:
        return readable.moment(plan.step_at)

    @admin.display(description="Actions")
    def verbs(self, plan: RolloutPlan) -> SafeString:
        return format_html(
            '<a class="mo-button mo-small" href="{}" aria-label="Open plan {}">Open</a>',
            reverse(ONE, args=[plan.pk]),
            plan.pk,
        )


def _permit(request: HttpRequest) -> None:
    if not request.user.has_perm(rollout.MAY_CHANGE):
        raise PermissionDenied


def where(plan: RolloutPlan) -> str:
    return f"{plans.steps_of(plan)[plan.step]} (step {plan.step + 1} of {len(plan.steps)})"


def told(pk: int) -> str:
    return str(PlanStatus(RolloutPlan.objects.values_list("status", flat=True).get(pk=pk)).label).lower()


def begin(request: HttpRequest, org: Organization, form: PlanForm) -> RolloutPlan | None:
    """Make the plan; None when the form says why not."""
    asked = dict(form.cleaned_data)
    reason, steps = asked.pop("reason"), asked.pop("steps")
    who = page.actor_of(request)
    try:
        return plans.begin(org.pk, actor=who, reason=reason, steps=steps, rails=Guardrails(**asked))
    except PlanRefused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        return None


def steered(request: HttpRequest, act: Callable[..., RolloutPlan], plan: RolloutPlan, form: ReasonForm) -> bool:
    try:
        act(plan.pk, actor=page.actor_of(request), reason=form.cleaned_data["reason"])
    except PlanRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def described(request: HttpRequest, plan: RolloutPlan) -> dict[str, Any]:
    """Gather what the page of one plan shows."""
    verbs = {PlanStatus.RUNNING: ("pause", "abort"), PlanStatus.PAUSED: ("resume", "abort")}
    return {
        "plan": plan,
        "steps": [
            (number, step, planned.span(step.bake_seconds), number == plan.step)
            for number, step in enumerate(plans.steps_of(plan))
        ],
        "where": where(plan),
        "verbs": verbs.get(PlanStatus(plan.status), ()),
        "may_steer": request.user.has_perm(rollout.MAY_CHANGE),
        "events": [(event, TONES.get(event.kind, "bad"), readings(event)) for event in planned.events(plan)],
    }


def readings(event: PlanEvent) -> str:
    """Write what was measured when it happened."""
    if not event.measured:
        return ""
    found = event.measured
    return (
        f"{found['decisions']:,} decisions, {found['fail_open_percent']:.2g} % failed open, "
        f"{found['drain_failures']:,} drain failures, dwell p95 {readable.milliseconds(found['dwell_p95_ms'])}, "
        f"{found['stale']:,} stale"
    )
