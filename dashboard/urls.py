"""Addresses of the operator pages that belong to no table."""

from django.contrib import admin
from django.urls import path

from dashboard import views
from workflows.admin import effective

app_name = "dashboard"
urlpatterns = [
    path("overview/live/", admin.site.admin_view(views.live), name="live"),
    path("buffer/", admin.site.admin_view(views.buffer), name="buffer"),
    path("runbooks/", admin.site.admin_view(views.list_runbooks), name="runbooks"),
    path("runbooks/<str:name>/", admin.site.admin_view(views.runbook), name="runbook"),
    path("settings/", admin.site.admin_view(effective.show), name="settings"),
]
