"""The admin site as operators see it: the Overview first, and nothing that is not for them."""

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

# Tables of libraries that this service does not use, or that no hand should edit.
HIDDEN = (
    "rest_framework_api_key.APIKey",
    "django_q.Schedule",
    "django_q.Success",
    "django_q.Failure",
    "django_q.OrmQ",
)


class Users(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


class Groups(GroupAdmin, ModelAdmin):  # type: ignore[misc]
    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Read the permissions' tables with them: each is shown by the name of its table."""
        permissions = Permission.objects.select_related("content_type")
        return super().get_queryset(request).prefetch_related(Prefetch("permissions", permissions))


def arrange(site: AdminSite) -> None:
    """Put the Overview on the index, dress users and groups, hide the rest; once, when all apps are loaded."""
    site.index_template = "dashboard/overview.html"
    site.index_title = "Overview"
    for label in HIDDEN:
        model = apps.get_model(label)
        if site.is_registered(model):
            site.unregister(model)
    for model, page in ((User, Users), (Group, Groups)):
        site.unregister(model)
        site.register(model, page)
