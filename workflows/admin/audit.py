"""The audit: what commands, schedules and operators did to many things at once. Never changed."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from workflows.admin.page import ReadOnlyPage
from workflows.models import AuditRecord
from workflows.templatetags import readable


@admin.register(AuditRecord)
class AuditRecordPage(ReadOnlyPage):
    lead = "What operators, commands and schedules did: who, when, to what, and why. Never changed."
    none_yet = "The first act of an operator or of a clean-up appears here with its reason."
    list_display = ("when", "verb", "what", "tenant", "how_many", "ending", "reason", "who")
    list_filter = (
        ("verb", admin.AllValuesFieldListFilter),
        "outcome",
        "org",
        ("actor_name", admin.AllValuesFieldListFilter),
        "started_at",
    )
    list_select_related = ("org",)
    search_fields = ("verb", "target", "actor_name", "reason", "org__slug")
    sortable_by: ClassVar[list[str]] = []
    fields = (
        "verb",
        "target",
        "org",
        "reason",
        "actor_name",
        "chosen",
        "how_many",
        "ending",
        "told",
        "started_at",
        "finished_at",
    )
    readonly_fields: ClassVar = ["chosen", "how_many", "ending", "told"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditRecord]:
        records: QuerySet[AuditRecord] = super().get_queryset(request)
        return records.select_related("org")

    @admin.display(description="When")
    def when(self, record: AuditRecord) -> str:
        return readable.moment(record.started_at)

    @admin.display(description="What")
    def what(self, record: AuditRecord) -> str:
        return record.target or "-"

    @admin.display(description="Organization")
    def tenant(self, record: AuditRecord) -> str:
        return record.org.slug if record.org else "-"

    @admin.display(description="How many")
    def how_many(self, record: AuditRecord) -> str:
        return f"{record.count:,}"

    @admin.display(description="Outcome")
    def ending(self, record: AuditRecord) -> str:
        return record.get_outcome_display()

    @admin.display(description="Who")
    def who(self, record: AuditRecord) -> str:
        return record.actor_name

    @admin.display(description="Filter")
    def chosen(self, record: AuditRecord) -> SafeString | str:
        return listed(record.filter)

    @admin.display(description="Detail")
    def told(self, record: AuditRecord) -> SafeString | str:
        return listed(record.detail)


def listed(values: dict[str, object]) -> SafeString | str:
    """Show what is set of a record's values, one a line."""
    given = [(name, shown(value)) for name, value in values.items() if value not in (None, "", False)]
    return format_html_join("\n", "<div>{}: {}</div>", given) or "-"


def shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
