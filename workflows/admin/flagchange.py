"""The audit of rollouts: every flip with its author and reason, never changed."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from workflows.admin.page import ReadOnlyPage
from workflows.models import FlagChange
from workflows.templatetags import readable


@admin.register(FlagChange)
class FlagChangePage(ReadOnlyPage):
    lead = "Every change of a rollout, with its author and reason. Never changed."
    none_yet = "The first change of the rollout of an organization appears here."
    list_display = ("when", "tenant", "what", "reason", "who")
    list_filter = ("org",)
    list_select_related = ("org",)
    search_fields = ("org__slug", "actor_name", "reason")
    sortable_by: ClassVar[list[str]] = []
    fields = ("org", "created_at", "actor_name", "reason", "was", "became")
    readonly_fields: ClassVar = ["was", "became"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlagChange]:
        changes: QuerySet[FlagChange] = super().get_queryset(request)
        return changes.select_related("org")

    @admin.display(description="When")
    def when(self, change: FlagChange) -> str:
        return readable.moment(change.created_at)

    @admin.display(description="Organization")
    def tenant(self, change: FlagChange) -> str:
        return change.org.slug

    @admin.display(description="Who")
    def who(self, change: FlagChange) -> str:
        return change.actor_name

    @admin.display(description="What")
    def what(self, change: FlagChange) -> str:
        return readable.differences(change)

    @admin.display(description="Before")
    def was(self, change: FlagChange) -> SafeString:
        return listed(change.before)

    @admin.display(description="After")
    def became(self, change: FlagChange) -> SafeString:
        return listed(change.after)


def listed(values: dict[str, object]) -> SafeString:
    return format_html_join(", ", "{}", ((readable.setting(name, value),) for name, value in values.items()))
