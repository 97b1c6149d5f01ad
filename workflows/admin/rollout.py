"""The dialog that changes an org's rollout, with a reason, against the version the operator saw."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from workflows import flags
from workflows.admin import page
from workflows.intake import console, rollout
from workflows.intake.rollout import RolloutRefused
from workflows.models import Environment, FlagChange, Organization, OrganizationFlags, RolloutMode
from workflows.templatetags import readable

MAY_CHANGE = "workflows.change_organizationflags"
RUNGS = {
    RolloutMode.OFF: "No I/O at all: every trigger starts directly.",
    RolloutMode.SHADOW: "Limits are counted and reported; nothing is buffered, nothing can be refused.",
    RolloutMode.MIRROR: "Triggers over the limit start, and a buffered copy is compared with their row.",
    RolloutMode.ON: "Triggers over the limit are buffered and drained in order.",
}
# A version that no row has: the operator saw no row, and there is one now.
UNWRITTEN = -1


class Rungs(forms.RadioSelect):
    """The ladder: each mode with what it does."""

    template_name = "workflows/admin/rungs.html"

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["does"] = RUNGS[RolloutMode(value)]
        return option

    def use_required_attribute(self, initial: Any) -> bool:
        return False


class RolloutForm(page.ReasonForm):
    """All an operator sets of one org; blank means the default of the settings."""

    mode = forms.ChoiceField(choices=RolloutMode.choices, widget=Rungs)
    percent = forms.IntegerField(
        min_value=0, max_value=100, label="Percent", help_text="Share of its environments that is enrolled."
    )
    weight = forms.FloatField(
        min_value=0.01, max_value=1000, label="Weight", help_text="Share of the drainer against other orgs."
    )
    limit = forms.IntegerField(
        min_value=1, required=False, label="Limit", help_text="Passes per environment and window."
    )
    window_ms = forms.IntegerField(min_value=1, required=False, label="Window (ms)")
    hold_ms = forms.IntegerField(min_value=0, required=False, label="Hold (ms)", help_text="How long a trip lasts.")
    org_limit = forms.IntegerField(
        min_value=0, required=False, label="Limit of the org", help_text="Passes of all its environments; 0 is none."
    )
    org_window_ms = forms.IntegerField(min_value=1, required=False, label="Its window (ms)")
    paused = forms.BooleanField(
        required=False, label="Pause draining", help_text="What is buffered, and what comes, waits until you go on."
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    field_order = (*rollout.FIELDS, "reason", "version")

    def __init__(self, *args: Any, defaults: dict[str, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in defaults.items():
            self.fields[name].widget.attrs["placeholder"] = f"{value} (default)"


def flags_of(org: Organization) -> OrganizationFlags:
    """Return the org's flags, or the defaults where it has no row."""
    row: OrganizationFlags | None = getattr(org, "flags", None)
    return row or OrganizationFlags(org_id=org.pk)


def change(request: HttpRequest, admin: page.Page, pk: str) -> HttpResponse:
    """Show the dialog, or carry out what it asks.

    Raises:
        PermissionDenied: the operator may look, not change.
        Http404: there is no such org.
    """
    if not request.user.has_perm(MAY_CHANGE):
        raise PermissionDenied
    org = Organization.objects.select_related("flags").filter(pk=pk).first()
    if org is None:
        raise Http404(f"There is no organization {pk}")
    now = flags_of(org)
    back = reverse("admin:workflows_organization_change", args=[org.pk])
    given = request.POST if request.method == "POST" else None
    form = RolloutForm(given, initial=initial(now), defaults=console.defaults())
    if form.is_valid() and (done := carry_out(request, org, form)):
        return page.finish(request, page.next_address(request, back), f"{org.slug}: {readable.differences(done)}.")
    return page.show_form(
        request,
        admin,
        form,
        template="workflows/admin/rollout.html",
        title=f"Rollout of {org.slug}",
        heading=f"Rollout of {org.slug}",
        lead=f"Now {now.mode} at {now.percent} %. A change reaches every process within 2 seconds.",
        keeps="In every mode what is buffered keeps draining, unless you pause that; only new triggers go another way.",
        verb="Change rollout",
        back=back,
    )


def initial(now: OrganizationFlags) -> dict[str, Any]:
    """Fill the form with what holds now; without a row there is no version to hold it to."""
    values = rollout.described(now)
    return values if now._state.adding else {**values, "version": now.version}  # noqa: SLF001


def carry_out(request: HttpRequest, org: Organization, form: RolloutForm) -> FlagChange | None:
    """Make the change; None when it is refused, and the form says why."""
    asked = dict(form.cleaned_data)
    reason, version = asked.pop("reason"), asked.pop("version")
    try:
        return rollout.set_rollout(
            org.pk,
            actor=page.actor_of(request),
            reason=reason,
            expected_version=UNWRITTEN if version is None and hasattr(org, "flags") else version,
            **asked,
        )
    except RolloutRefused as refusal:
        if refusal.code == "version_conflict":
            form.add_error(None, "Somebody changed this rollout since you opened it. Look at it again, then decide.")
        elif refusal.fields:
            for name, errors in refusal.fields.items():
                form.add_error(name if name in form.fields else None, errors)
        else:
            form.add_error(None, str(refusal))
        return None


def effective(org: Organization) -> str:
    """Say in words what the mode and the percentage come to for this org's environments."""
    now = flags_of(org)
    envs = list(org.environments.all())
    taken = [env for env in envs if flags.enrolled(env.pk, now.percent)]
    if now.paused:
        return f"draining is paused; {now.mode}"
    if now.mode == RolloutMode.OFF or not envs:
        return "starts directly" if envs else "no environment yet"
    if not taken:
        return f"{now.mode} for none of {len(envs)}"
    if len(taken) == len(envs):
        return f"{now.mode} for all {len(envs)}" if len(envs) > 1 else f"{now.mode} for {envs[0].slug}"
    return f"{now.mode} for {len(taken)} of {len(envs)}"


def enrolment(org: Organization) -> list[tuple[Environment, bool]]:
    """List the org's environments and whether the percentage takes each in."""
    percent = flags_of(org).percent
    return [(env, flags.enrolled(env.pk, percent)) for env in org.environments.all()]


LIMITS = {
    "limit": "Limit",
    "window_ms": "Window",
    "hold_ms": "Hold",
    "org_limit": "Limit of the org",
    "org_window_ms": "Its window",
}


def limits(now: OrganizationFlags) -> list[tuple[str, str, bool]]:
    """List limits, windows and the hold as they apply, and whether each is the settings' default."""
    return [
        (LIMITS[name], _told(name, default if (own := getattr(now, name)) is None else own), own is None)
        for name, default in console.defaults().items()
    ]


def _told(name: str, value: int) -> str:
    if name.endswith("_ms"):
        return readable.milliseconds(value)
    return f"{value:,}" if value else "none"
