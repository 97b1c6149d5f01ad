"""Definitions: what is registered in code, and what an operator set of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from workflows import registry
from workflows.admin.page import Page
from workflows.models import Definition, ShardBy


@dataclass(frozen=True, slots=True)
class Line:
    """One definition. `version` is None when no code registers it any more; `set_here` when it has a row."""

    slug: str
    version: int | None
    active: bool
    shard_by: str
    limit: str
    set_here: bool

    @property
    def state(self) -> str:
        if self.version is None:
            return "unregistered"
        return "active" if self.active else "off"


@admin.register(Definition)
class DefinitionPage(Page):
    """A row overrides a registered workflow's defaults; no row means active, placed by instance."""

    fields = ("slug", "active", "shard_by", "limit", "window_ms")

    def get_readonly_fields(self, request: HttpRequest, obj: Definition | None = None) -> Sequence[str]:
        return ("slug",) if obj else ()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(
            request,
            "workflows/admin/definitions.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Definitions",
                "lines": list_definitions(),
                "may_change": self.has_change_permission(request) and self.has_add_permission(request),
            },
        )


def list_definitions() -> list[Line]:
    """List what the code registers and what has a row, by slug."""
    rows = {row.slug: row for row in Definition.objects.all()}
    lines = []
    for slug in sorted({*rows, *registry.slugs()}):
        row, registered = rows.get(slug), registry.latest(slug)
        lines.append(
            Line(
                slug=slug,
                version=registered.version if registered else None,
                active=row.active if row else True,
                shard_by=row.shard_by if row else ShardBy.INSTANCE.value,
                limit=f"{row.limit} in {row.window_ms} ms" if row and row.limit else "",
                set_here=row is not None,
            )
        )
    return lines
