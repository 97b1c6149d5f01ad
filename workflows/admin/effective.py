"""Effective settings: what this process works with, and where that is not the default."""

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from workflows.intake import effective

MAY_VIEW = "workflows.view_auditrecord"


@permission_required(MAY_VIEW, raise_exception=True)
def show(request: HttpRequest) -> HttpResponse:
    """List them; `?differs=1` only those that are not at their default."""
    only = request.GET.get("differs") == "1"
    context = {"title": "Effective settings", "groups": effective.groups(), "only": only}
    return render(request, "workflows/admin/effective.html", {**admin.site.each_context(request), **context})
