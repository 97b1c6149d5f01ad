"""The form of the webhooks' pages, and what they share; each write has a reason."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows.admin import page
from workflows.models import Organization, Webhook
from workflows.notices import OF_SERVICE, WANTED
from workflows.webhooks import WebhookRefused

DELIVERIES = "admin:workflows_delivery_changelist"
MAY_SEND = "workflows.redeliver_delivery"


class WebhookForm(page.ReasonForm):
    """Who is told what, and where."""

    org = forms.ModelChoiceField(
        Organization.objects.order_by("slug"),
        required=False,
        label="Organization",
        empty_label="All, and the service itself",
        help_text="Whose notices it hears. This can't be changed later.",
    )
    url = forms.CharField(
        max_length=2_000,
        label="Address",
        help_text="An https:// address of the public internet.",
        widget=forms.TextInput(
            {"type": "url", "placeholder": "https://", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    types = forms.MultipleChoiceField(
        choices=[
            (each.value, f"{each.value} (of the service)" if each in OF_SERVICE else each.value) for each in WANTED
        ],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="It is told of",
    )
    enabled = forms.BooleanField(
        required=False, label="Enabled", help_text="While it is not, notices are not written for it, and none is sent."
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("org", "url", "types", "enabled", "reason", "version")

    def __init__(self, *args: Any, webhook: Webhook | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["org"].label_from_instance = lambda org: org.slug  # type: ignore[attr-defined]
        for name in ("enabled", "version") if webhook is None else ("org",):
            del self.fields[name]
        if webhook is not None and webhook.org_id is not None:
            wanted = [each.value for each in WANTED if each not in OF_SERVICE]
            self.fields["types"].choices = [(each, each) for each in wanted]  # type: ignore[attr-defined]


def dialog(name: str, row: Webhook, verb: str, label: str) -> SafeString:
    address = reverse(f"admin:workflows_webhook_{name}", args=[row.pk])
    return format_html(
        '<a class="mo-button mo-small" data-dialog href="{}" aria-label="{}">{}</a>', address, label, verb
    )


def deliveries(row: Webhook) -> SafeString:
    """Lead to what was sent to a webhook."""
    button = '<a class="mo-button mo-small" href="{}" aria-label="Deliveries to {}">Deliveries</a>'
    return format_html(button, told_to(row), row.origin)


def found(pk: UUID) -> Webhook:
    row = Webhook.objects.select_related("org").defer("ciphertext", "previous_ciphertext").filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such webhook")
    return row


def tenant_of(row: Webhook) -> str:
    return row.org.slug if row.org else "everybody"


def told_to(row: Webhook) -> str:
    return f"{reverse(DELIVERIES)}?webhook__id__exact={row.pk}"


def carried_out(form: forms.Form, act: Callable[[], Any]) -> Any:
    """Do it and return what came of it, or True; when it is refused, False, and the form says why."""
    try:
        return act() or True
    except WebhookRefused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        return False
