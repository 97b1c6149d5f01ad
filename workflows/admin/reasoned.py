"""A table that the theme's own form writes: it asks why, and keeps the answer in the audit."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html

from workflows import audit
from workflows.admin import page, trail
from workflows.audit import Act
from workflows.models import Organization


class ReasonedForm(forms.ModelForm, page.ReasonForm):  # type: ignore[type-arg]
    """A row, and why it is made or changed."""


class ReasonedPage(page.Page):
    """Its `fields` end with `reason`; verbs of the audit are make_ and change_ with the name of the table."""

    form = ReasonedForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        fields: Sequence[Any] = super().get_fields(request, obj)
        return fields if self.asks_why(request, obj) else [name for name in fields if name != "reason"]

    def asks_why(self, request: HttpRequest, obj: Any) -> bool:
        """Ask only who may write."""
        return bool(self.has_change_permission(request, obj) if obj else self.has_add_permission(request))

    def told(self, form: Any) -> Mapping[str, Any]:
        """Return what else the record is to keep of what a form changes."""
        return {}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep the row with its audit record."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            verb = "change" if change else "make"
            audit.note(act(request, verb, obj, form.cleaned_data["reason"]), **self.told(form))

    def message_user(
        self, request: HttpRequest, message: Any, level: int | str = messages.INFO, *more: Any, **options: Any
    ) -> None:
        """Say what was done, with a link to its record."""
        super().message_user(request, format_html("{}{}", message, trail.link(request)), level, *more, **options)


def act(request: HttpRequest, verb: str, row: Model, reason: str) -> Act:
    """Tell the audit what is done to a row, and of whose it is."""
    name = row._meta.model_name  # noqa: SLF001
    return Act(
        verb=f"{verb}_{name}",
        actor=page.actor_of(request),
        reason=reason,
        filter={f"{name}": f"{row.pk}"},
        target=str(row)[:200],
        org_id=org_of(row),
    )


def org_of(row: Model) -> UUID | None:
    return row.pk if isinstance(row, Organization) else getattr(row, "org_id", None)
