"""Every address the service answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    # First: patterns are tried in order, and triggers come by the thousand.
    path("", include("workflows.api.urls")),
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", include("dashboard.urls")),
    path("admin/", admin.site.urls),
]
