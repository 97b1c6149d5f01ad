"""Where an operator finds the record of what was just done."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows.models import AuditRecord, DeadLetterDecision, DefinitionChange, FlagChange, PlanEvent, SecretChange

# A record that is older, or behind so many newer ones, is of an act before this one.
FRESH, NEWEST = timedelta(minutes=1), 50


def _page(model: str) -> Callable[[Any], str]:
    return lambda record: reverse(f"admin:workflows_{model}_change", args=[record.pk])


# Every table of records: when one was written, and the page that shows it. A plan's come with the flags it moves.
RECORDS: tuple[tuple[type[Any], str, Callable[[Any], str]], ...] = (
    (AuditRecord, "started_at", _page("auditrecord")),
    (PlanEvent, "created_at", lambda event: reverse("admin:workflows_rolloutplan_change", args=[event.plan_id])),
    (FlagChange, "created_at", _page("flagchange")),
    (SecretChange, "created_at", _page("secretchange")),
    (DeadLetterDecision, "created_at", _page("deadletterdecision")),
    (DefinitionChange, "created_at", lambda change: reverse("admin:workflows_definition_versions", args=[change.slug])),
)


def find(request: HttpRequest, now: datetime | None = None) -> str:
    """Return the address of the newest record of this operator with the reason just given; empty when there is none.

    At most 6 queries, each of so many rows from the new end of its table.
    """
    name, reason = request.user.get_username(), request.POST.get("reason", "").strip()
    since = (now or timezone.now()) - FRESH
    for model, at, address in RECORDS if reason else ():
        for record in model._default_manager.order_by("-pk")[:NEWEST]:  # noqa: SLF001
            if (record.actor_name, record.reason) == (name, reason) and getattr(record, at) >= since:
                return address(record)
    return ""


def link(request: HttpRequest) -> SafeString:
    """Write a link to the record of what was just done, to stand behind what is said of it."""
    address = find(request)
    return format_html(' <a href="{}">Audit record</a>', address) if address else SafeString()
