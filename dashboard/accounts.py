"""Who may sign in, and what each may do: users and groups, each change with a reason that the audit keeps."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename, update_session_auth_hash
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from workflows import audit
from workflows.admin import page, reasoned
from workflows.admin.page import ReasonForm
from workflows.admin.reasoned import ReasonedPage

# What decides who may do what: the audit keeps how it changed. Of all else it keeps the name, never the value.
RIGHTS = frozenset({"is_active", "is_staff", "is_superuser", "groups", "user_permissions", "permissions"})


class NewUserForm(UserCreationForm, ReasonForm):  # type: ignore[misc]
    """A user who may do nothing yet, and why."""


class UserForm(UserChangeForm, ReasonForm):  # type: ignore[misc]
    """A user, and why it is changed."""


class PasswordForm(AdminPasswordChangeForm, ReasonForm):  # type: ignore[misc]
    """Another password for somebody, and why."""

    field_order = ("password1", "password2", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who is to sign in no more is made inactive.
        self.fields.pop("usable_password", None)


class AccountPage(ReasonedPage):
    """A table of those who may; one is deleted in a form of ours, never several at once."""

    keeps = ""

    def told(self, form: Any) -> Mapping[str, Any]:
        return differences(form)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('delete', self.opts)}")

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        row, form = self.found(request, object_id), ReasonForm(request.POST or None)
        kind, back = self.opts.verbose_name, reverse(f"admin:auth_{self.opts.model_name}_changelist")
        if form.is_valid():
            with transaction.atomic():
                audit.note(reasoned.act(request, "delete", row, form.cleaned_data["reason"]))
                row.delete()
            return page.finish(request, back, f"The {kind} {row} is deleted.")
        return page.show_form(
            request,
            self,
            form,
            title=f"Delete {kind}",
            heading=f"Delete the {kind} {row}",
            lead="This can't be undone.",
            keeps=self.keeps,
            verb=f"Delete the {kind}",
            danger=True,
            back=reverse(f"admin:auth_{self.opts.model_name}_change", args=[row.pk]),
        )

    def found(self, request: HttpRequest, object_id: str) -> Model:
        row: Model | None = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}")
        return row


class Users(UserAdmin, AccountPage):  # type: ignore[misc, type-arg]
    lead = "Who may sign in to these pages. What each may do is what the groups say."
    keeps = (
        "What this user did stays in every record, under this name. To keep somebody out for a while, untick Active."
    )
    form = UserForm  # type: ignore[assignment]
    add_form = NewUserForm
    change_password_form = PasswordForm

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        return (*sets, (None, {"fields": ("reason",)})) if self.asks_why(request, obj) else sets

    @method_decorator(sensitive_post_parameters())
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        if not self.has_change_permission(request):
            raise PermissionDenied
        user = self.found(request, id)
        form = self.change_password_form(user, request.POST or None)
        back = reverse("admin:auth_user_change", args=[user.pk])
        if form.is_valid():
            with transaction.atomic():
                form.save()
                audit.note(reasoned.act(request, "change_password_of", user, form.cleaned_data["reason"]))
            update_session_auth_hash(request, form.user)
            return page.finish(request, back, f"{user} has another password.")
        return page.show_form(
            request,
            self,
            form,
            title="Change password",
            heading=f"Another password for {user}",
            lead="The record of it tells who and why, never a password.",
            keeps="Whoever is signed in with the old one is signed out.",
            verb="Change the password",
            back=back,
        )


class Groups(GroupAdmin, AccountPage):  # type: ignore[misc]
    lead = "What the users of each group may do: a permission a verb."
    none_yet = "The three roles of this service are made with the next migration."
    keeps = (
        "Its users keep what their other groups give them. Viewer, Operator and Admin are made again, as they were at "
        "first, with the next migration."
    )
    fields = ("name", "permissions", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Read the permissions' tables with them: each is shown by the name of its table."""
        permissions = Permission.objects.select_related("content_type")
        return super().get_queryset(request).prefetch_related(Prefetch("permissions", permissions))


def differences(form: Any) -> dict[str, Any]:
    """Say how rights changed, and which other fields did."""
    changed = [field.name for field in form.instance._meta.get_fields() if field.name in form.changed_data]  # noqa: SLF001
    rights = {name: difference(form.initial.get(name), form.cleaned_data[name]) for name in changed if name in RIGHTS}
    return {"fields": [name for name in changed if name not in RIGHTS], **rights}


def difference(before: Any, after: Any) -> str | list[str]:
    if isinstance(after, bool):
        return "given" if after else "taken"
    had, has = set(before or ()), set(after)
    return [*sorted(f"+{name(each)}" for each in has - had), *sorted(f"-{name(each)}" for each in had - has)]


def name(right: Group | Permission) -> str:
    return right.codename if isinstance(right, Permission) else right.name
