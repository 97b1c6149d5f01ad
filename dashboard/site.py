"""The admin site as operators see it: the Overview first, and nothing that is not for them."""

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User

from dashboard.accounts import Groups, Users
from workflows.templatetags import readable

# Tables of libraries that this service does not use, or that no hand should edit.
HIDDEN = (
    "rest_framework_api_key.APIKey",
    "django_q.Schedule",
    "django_q.Success",
    "django_q.Failure",
    "django_q.OrmQ",
)


def arrange(site: AdminSite) -> None:
    """Put the Overview on the index, dress users and groups, hide the rest; once, when all apps are loaded."""
    site.index_template = "dashboard/overview.html"
    site.index_title = "Overview"
    site.empty_value_display = readable.NOTHING
    for label in HIDDEN:
        model = apps.get_model(label)
        if site.is_registered(model):
            site.unregister(model)
    for model, page in ((User, Users), (Group, Groups)):
        site.unregister(model)
        site.register(model, page)
