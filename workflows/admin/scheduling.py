"""The forms of the schedules' pages, and what they carry out; each write has a reason."""

from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest
from django.urls import reverse

from workflows.admin import page
from workflows.intake import timetable
from workflows.intake.firing import Fired, Outcome
from workflows.intake.timetable import ScheduleRefused
from workflows.models import CatchUp, Environment, Overlap, Schedule


class ScheduleForm(page.ReasonForm):
    """What is started when; the service judges it."""

    env = forms.ModelChoiceField(
        Environment.objects.select_related("org").order_by("org__slug", "slug"),
        label="Environment",
        empty_label="Choose one",
    )
    definition = forms.CharField(max_length=100, widget=forms.TextInput({"list": "definitions", "autocomplete": "off"}))
    cron = forms.CharField(
        max_length=100,
        label="Cron",
        help_text="Minute, hour, day of the month, month, weekday; or @hourly, @daily, @weekly, @monthly, @yearly.",
        widget=forms.TextInput({"placeholder": "30 2 * * mon-fri", "autocomplete": "off"}),
    )
    timezone = forms.CharField(max_length=64, label="Time zone", initial="UTC", help_text="As in Europe/Lisbon.")
    payload = forms.CharField(
        required=False, strip=True, widget=forms.Textarea({"rows": 3}), help_text="JSON; null when it is left out."
    )
    overlap = forms.ChoiceField(
        choices=Overlap.choices, help_text="What a fire does while the instance before has not finished."
    )
    catch_up = forms.ChoiceField(
        choices=CatchUp.choices,
        label="Make up for",
        initial=CatchUp.LAST,
        help_text="Which of the fires that were missed.",
    )

    field_order = ("env", *timetable.FIELDS, "reason")

    def __init__(self, *args: Any, fixed: bool, looking: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["env"].label_from_instance = lambda env: f"{env.org.slug}/{env.slug}"  # type: ignore[attr-defined]
        if fixed:
            del self.fields["env"]
        if looking:
            self.fields["reason"].required = False

    def clean_payload(self) -> Any:
        text = self.cleaned_data["payload"]
        try:
            return msgspec.json.decode(text) if text else None
        except (msgspec.DecodeError, RecursionError) as error:
            raise forms.ValidationError(f"It is not JSON: {error}.") from None

    def told(self, refusal: ScheduleRefused) -> None:
        """Put each fault beside its field."""
        for fault in refusal.faults:
            self.add_error(fault.field if fault.field in self.fields else None, fault.message)

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in timetable.FIELDS if name in self.cleaned_data}


class RunForm(page.ReasonForm):
    """Why; and a mark of this dialog, so that a second click starts nothing more."""

    nonce = forms.UUIDField(widget=forms.HiddenInput)


def find(pk: UUID) -> Schedule:
    """Return a schedule with its environment.

    Raises:
        Http404: there is none.
    """
    schedule = Schedule.objects.select_related("env__org").filter(pk=pk).first()
    if schedule is None:
        raise Http404("There is no such schedule")
    return schedule


def initial(schedule: Schedule | None) -> dict[str, Any]:
    if schedule is None:
        return {}
    values = {name: getattr(schedule, name) for name in timetable.FIELDS}
    payload = "" if schedule.payload is None else msgspec.json.encode(schedule.payload).decode()
    return values | {"payload": payload}


def save(request: HttpRequest, form: ScheduleForm, schedule: Schedule | None) -> bool:
    """Make or change it; False when it is refused, and the form says why."""
    who, why = page.actor_of(request), form.cleaned_data["reason"]
    try:
        if schedule is None:
            timetable.create(form.cleaned_data["env"].pk, form.values(), actor=who, reason=why)
        else:
            timetable.change(schedule.env.pk, schedule.pk, form.values(), actor=who, reason=why)
    except ScheduleRefused as refusal:
        form.told(refusal)
        return False
    return True


def switch(request: HttpRequest, form: page.ReasonForm, schedule: Schedule, on: bool) -> bool:
    """Switch it on or off; False when it is refused, and the form says why."""
    who, why = page.actor_of(request), form.cleaned_data["reason"]
    try:
        timetable.change(schedule.env.pk, schedule.pk, {"enabled": on}, actor=who, reason=why)
    except ScheduleRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def lead(schedule: Schedule) -> str:
    return f"{schedule.cron} {schedule.timezone}, of {schedule.env.org.slug}/{schedule.env.slug}"


def instance_address(schedule: Schedule) -> str:
    address = reverse("admin:workflows_instance_change", args=[schedule.last_instance])
    return f"{address}?env={schedule.env.pk}"


def told(schedule: Schedule, fired: Fired) -> tuple[str, int]:
    """Say how running it by hand went."""
    match fired.outcome:
        case Outcome.STARTED | Outcome.BUFFERED | Outcome.EXISTING:
            return f"{schedule.definition}: {fired.outcome}, as {fired.instance_id}.", messages.SUCCESS
        case _:
            came = "Nothing was started." if fired.certain else "Whether it was started is not known."
            return f"{schedule.definition}: {fired.outcome}. {fired.detail} {came}", messages.WARNING
