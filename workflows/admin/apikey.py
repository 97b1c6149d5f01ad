"""API keys: made for one environment, shown once, revoked for good."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows import audit
from workflows.admin import page, trail
from workflows.audit import Act
from workflows.models import ApiKey, Environment
from workflows.models.tenant import default_scopes
from workflows.scopes import Scopes
from workflows.templatetags import readable


class KeyForm(page.ReasonForm):
    """What a new key is for."""

    name = forms.CharField(max_length=50, help_text="Who or what will hold it.")
    env = forms.ModelChoiceField(
        Environment.objects.select_related("org").order_by("org__slug", "slug"),
        label="Environment",
        empty_label="Choose one",
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scopes],
        initial=default_scopes,
        widget=forms.CheckboxSelectMultiple,
        label="It may",
    )
    field_order = ("name", "env", "scopes", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["env"].label_from_instance = lambda env: f"{env.org.slug}/{env.slug}"  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyPage(page.MadePage):
    lead = "A key may what its scopes say, in one environment. It is shown once, and only its hash is kept."
    none_yet = "Add one for whoever sends triggers; it appears here until long after it is revoked."
    list_display = ("name", "prefix", "tenant", "may", "created", "state", "revoke")
    list_select_related = ("env__org",)
    search_fields = ("name", "prefix", "env__org__slug")
    sortable_by: ClassVar = ["name", "created"]
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        keys: QuerySet[ApiKey] = super().get_queryset(request)
        return keys.select_related("env__org")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        if self.has_change_permission(request):
            return columns
        return [column if column != "revoke" else "may_not_revoke" for column in columns]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<str:pk>/revoke/", view, name="workflows_apikey_revoke"), *super().get_urls()]

    def make(self, request: HttpRequest) -> HttpResponse:
        """Make a key. A key that exists is never edited: revoke it and make another."""
        form = KeyForm(request.POST or None)
        if form.is_valid():
            return self.show_key(request, form)
        return page.show_form(
            request,
            self,
            form,
            title="New API key",
            heading="New API key",
            lead="The key is shown once, right after this. Only its hash is kept.",
            verb="Make the key",
            back=reverse("admin:workflows_apikey_changelist"),
        )

    def show_key(self, request: HttpRequest, form: KeyForm) -> HttpResponse:
        given = dict(form.cleaned_data)
        reason = given.pop("reason")
        with transaction.atomic():
            made, key = ApiKey.objects.create_key(**given)
            audit.note(act(request, "make_apikey", made, reason), scopes=given["scopes"])  # type: ignore[arg-type]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New API key",
            "made": made,
            "key": key,
            "record": trail.find(request),
        }
        response = TemplateResponse(request, "workflows/admin/key.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def revoke_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        key = ApiKey.objects.select_related("env__org").filter(pk=pk).first()
        if key is None:
            raise Http404("There is no such key")
        back = reverse("admin:workflows_apikey_changelist")
        form = page.ReasonForm(request.POST or None)
        if form.is_valid():
            key.revoked = True
            with transaction.atomic():
                key.save()
                audit.note(act(request, "revoke_apikey", key, form.cleaned_data["reason"]))
            return page.finish(
                request, back, f"{key.name} is revoked; every process refuses it within 2 seconds.", messages.SUCCESS
            )
        return page.show_form(
            request,
            self,
            form,
            title=f"Revoke {key.name}",
            heading=f"Revoke “{key.name}”",
            lead=f"mo_{key.prefix}_… of {key.env.org.slug}/{key.env.slug}. This can't be undone.",
            keeps="What was accepted under this key keeps running; the next request with it is answered 401.",
            verb="Revoke the key",
            danger=True,
            back=back,
        )

    @admin.display(description="Environment")
    def tenant(self, key: ApiKey) -> str:
        return f"{key.env.org.slug}/{key.env.slug}"

    @admin.display(description="Scopes")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        if key.revoked:
            return readable.badge("revoked")
        expired = key.expiry_date is not None and key.expiry_date < timezone.now()
        return readable.badge("expired" if expired else "active")

    @admin.display(description="Action")
    def revoke(self, key: ApiKey) -> SafeString | str:
        if key.revoked:
            return ""
        address = reverse("admin:workflows_apikey_revoke", args=[key.pk])
        return format_html(
            '<a class="mo-button mo-small" data-dialog href="{}" aria-label="Revoke {}">Revoke…</a>', address, key.name
        )

    @admin.display(description="Action")
    def may_not_revoke(self, key: ApiKey) -> SafeString | str:
        return "" if key.revoked else page.disabled("Revoke…", "Needs the permission to change API keys")


def act(request: HttpRequest, verb: str, key: ApiKey, reason: str) -> Act:
    return Act(
        verb=verb,
        actor=page.actor_of(request),
        reason=reason,
        filter={"key": key.prefix},
        target=f"{key.name} (mo_{key.prefix}_…)",
        org_id=key.env.org_id,
    )
