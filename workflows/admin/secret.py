"""Secrets: added, rotated and deleted with a reason; never shown, not even while they are typed in again."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from workflows import secrets
from workflows.admin import page
from workflows.models import Environment, Secret, SecretChange
from workflows.secrets import Author, SecretRefused

LIST = "admin:workflows_secret_changelist"
MAY_DELETE = "workflows.delete_secret"
KEEPS = "Steps that run keep the value they have; each one that starts from now on gets the new one."


class Unseen(forms.Textarea):
    """Takes a secret of several lines, and never shows one: an answer with errors leaves it empty."""

    def __init__(self) -> None:
        super().__init__({"rows": 3, "autocomplete": "off", "spellcheck": "false", "class": "mo-mono"})

    def format_value(self, value: object) -> str:
        return ""


class ValueForm(page.ReasonForm):
    """A new value."""

    value = forms.CharField(widget=Unseen, help_text="It is not shown again, here or anywhere.", label="Value")
    field_order: tuple[str, ...] = ("value", "reason")

    def clean_value(self) -> str:
        """Return it with the line ends it was copied with; a browser sends others."""
        value: str = self.cleaned_data["value"]
        return value.replace("\r\n", "\n")


class SecretForm(ValueForm):
    """A new secret."""

    name = forms.CharField(max_length=100, label="Name", help_text='As definitions name it: {"$secret": "STRIPE_KEY"}.')
    env = forms.ModelChoiceField(
        Environment.objects.select_related("org").order_by("org__slug", "slug"),
        label="Environment",
        empty_label="Choose one",
    )
    of_org = forms.BooleanField(
        required=False,
        label="For the whole organization",
        help_text="All its environments have it; one that has a secret of this name itself uses that.",
    )
    field_order = ("name", "env", "of_org", "value", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["env"].label_from_instance = lambda env: f"{env.org.slug}/{env.slug}"  # type: ignore[attr-defined]


@admin.register(Secret)
class SecretPage(page.MadePage):
    lead = "Secrets are encrypted and never shown. Definitions name them, and only their actions get the value."
    none_yet = "Add one, and definitions of its environment may name it."
    list_display = ("name", "tenant", "created_at", "rotated_at", "verbs")
    list_select_related = ("org", "env")
    search_fields = ("name", "org__slug", "env__slug")
    sortable_by: ClassVar = ["name", "created_at", "rotated_at"]
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Secret]:
        rows: QuerySet[Secret] = super().get_queryset(request)
        # What a page does not have, no page can show.
        return rows.select_related("org", "env").defer("ciphertext")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        if self.has_change_permission(request) and request.user.has_perm(MAY_DELETE):
            return columns
        return [column if column != "verbs" else "no_verbs" for column in columns]

    def get_urls(self) -> list[URLPattern]:
        rotate, delete = self.admin_site.admin_view(self.rotate_view), self.admin_site.admin_view(self.forget_view)
        return [
            path("<uuid:pk>/rotate/", rotate, name="workflows_secret_rotate"),
            path("<uuid:pk>/forget/", delete, name="workflows_secret_forget"),
            *super().get_urls(),
        ]

    @method_decorator(sensitive_post_parameters("value"))
    def make(self, request: HttpRequest) -> HttpResponse:
        """Add a secret. One that is there is rotated or deleted, never looked at."""
        form = SecretForm(request.POST or None)
        if form.is_valid():
            given = form.cleaned_data
            env_id = None if given["of_org"] else given["env"].id
            made = carried_out(
                form,
                lambda: secrets.create(
                    given["env"].org_id,
                    env_id,
                    given["name"],
                    given["value"],
                    author=author_of(request),
                    reason=given["reason"],
                ),
            )
            if made:
                return page.finish(request, reverse(LIST), f"{given['name']} is kept, encrypted.")
        return page.show_form(
            request,
            self,
            form,
            title="New secret",
            heading="New secret",
            lead="It is encrypted, and decrypted only for the actions of definitions that name it.",
            verb="Keep the secret",
            back=reverse(LIST),
        )

    @method_decorator(sensitive_post_parameters("value"))
    def rotate_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = found(pk)
        form = ValueForm(request.POST or None)
        if form.is_valid() and carried_out(
            form,
            lambda: secrets.rotate(
                pk, form.cleaned_data["value"], author=author_of(request), reason=form.cleaned_data["reason"]
            ),
        ):
            return page.finish(request, reverse(LIST), f"{row.name} is rotated.")
        return page.show_form(
            request,
            self,
            form,
            title=f"Rotate {row.name}",
            heading=f"Rotate {row.name}",
            lead=f"Of {place_of(row)}.",
            keeps=KEEPS,
            verb="Rotate the secret",
            back=reverse(LIST),
        )

    def forget_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not request.user.has_perm(MAY_DELETE):
            raise PermissionDenied
        row = found(pk)
        form = page.ReasonForm(request.POST or None)
        if form.is_valid() and carried_out(
            form, lambda: secrets.delete(pk, author=author_of(request), reason=form.cleaned_data["reason"])
        ):
            return page.finish(request, reverse(LIST), f"{row.name} is deleted.")
        return page.show_form(
            request,
            self,
            form,
            title=f"Delete {row.name}",
            heading=f"Delete {row.name}",
            lead=f"Of {place_of(row)}. This can't be undone.",
            keeps="Steps that name it fail with secret_missing. The record of its changes stays.",
            verb="Delete the secret",
            danger=True,
            back=reverse(LIST),
        )

    @admin.display(description="Of")
    def tenant(self, row: Secret) -> str:
        return place_of(row)

    @admin.display(description="Actions")
    def verbs(self, row: Secret) -> SafeString:
        return format_html(
            '<a class="mo-button mo-small" data-dialog href="{}" aria-label="Rotate {name}">Rotate…</a> '
            '<a class="mo-button mo-small" data-dialog href="{}" aria-label="Delete {name}">Delete…</a>',
            reverse("admin:workflows_secret_rotate", args=[row.pk]),
            reverse("admin:workflows_secret_forget", args=[row.pk]),
            name=row.name,
        )

    @admin.display(description="Actions")
    def no_verbs(self, row: Secret) -> SafeString:
        return page.disabled("Rotate…", "Needs the permissions to change and delete secrets", "Delete…")


@admin.register(SecretChange)
class SecretChangePage(page.ReadOnlyPage):
    """The record: never changed, never deleted."""

    lead = "Who added, rotated and deleted secrets, and why. Never changed."
    none_yet = "The first secret that is added appears here with the reason."
    list_display = ("created_at", "name", "tenant", "verb", "reason", "actor_name")
    list_filter = ("verb",)
    list_select_related = ("org", "env")
    search_fields = ("name", "actor_name", "reason", "org__slug")
    sortable_by: ClassVar[list[str]] = []
    fields = ("created_at", "name", "org", "env", "verb", "reason", "actor_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SecretChange]:
        changes: QuerySet[SecretChange] = super().get_queryset(request)
        return changes.select_related("org", "env")

    @admin.display(description="Of")
    def tenant(self, change: SecretChange) -> str:
        return place_of(change)


def found(pk: UUID) -> Secret:
    row = Secret.objects.select_related("org", "env").defer("ciphertext").filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such secret")
    return row


def place_of(row: Secret | SecretChange) -> str:
    return f"{row.org.slug}/{row.env.slug}" if row.env else f"{row.org.slug}, all environments"


def author_of(request: HttpRequest) -> Author:
    return Author(request.user.get_username(), request.user)  # type: ignore[arg-type]


def carried_out(form: forms.Form, change: Any) -> bool:
    """Make the change; when it is refused, the form says why."""
    try:
        change()
    except SecretRefused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        return False
    return True
