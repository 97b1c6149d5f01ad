"""Webhooks: made and rotated with a secret that is shown once; changed, pinged and deleted with a reason."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows import conf, webhooks
from workflows.admin import page, trail, webhooking
from workflows.models import Webhook
from workflows.templatetags import readable
from workflows.webhooks import Made

LIST = "admin:workflows_webhook_changelist"
MAY_DELETE = "workflows.delete_webhook"
NEEDED = "Needs the permissions to change and delete webhooks"


@admin.register(Webhook)
class WebhookPage(page.MadePage):
    lead = "An address outside that is told of storms, rollouts and trouble, in signed messages."
    none_yet = "Add one; what it is sent appears under Deliveries."
    list_display = ("address", "tenant", "told_of", "state", "changed_at", "verbs")
    list_filter = ("enabled",)
    search_fields = ("url", "org__slug")
    sortable_by: ClassVar[list[str]] = []
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        rows: QuerySet[Webhook] = super().get_queryset(request)
        # What a page does not have, no page can show.
        return rows.select_related("org").defer("ciphertext", "previous_ciphertext")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        if self.has_change_permission(request) and request.user.has_perm(MAY_DELETE):
            return columns
        verbs = "only_sending" if request.user.has_perm(webhooking.MAY_SEND) else "no_verbs"
        return [column if column != "verbs" else verbs for column in columns]

    def get_urls(self) -> list[URLPattern]:
        views = {"rotate": self.rotate_view, "ping": self.ping_view, "forget": self.forget_view}
        own = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"workflows_webhook_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def make(self, request: HttpRequest) -> HttpResponse:
        form = webhooking.WebhookForm(request.POST or None, webhook=None)
        if form.is_valid():
            given = form.cleaned_data
            org_id = given["org"].pk if given["org"] else None
            made = webhooking.carried_out(
                form,
                lambda: webhooks.create(
                    org_id, given["url"], given["types"], actor=page.actor_of(request), reason=given["reason"]
                ),
            )
            if made:
                return self.show_secret(request, made)
        return page.show_form(
            request,
            self,
            form,
            title="New webhook",
            heading="New webhook",
            lead="Its secret is shown once, right after this. It is made here and kept encrypted.",
            verb="Make the webhook",
            back=reverse(LIST),
        )

    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if not isinstance(row, Webhook):
            raise Http404("There is no such webhook")
        initial = {"url": row.url, "types": row.types, "enabled": row.enabled, "version": row.version}
        form = webhooking.WebhookForm(request.POST or None, webhook=row, initial=initial)
        if form.is_valid():
            values = {name: form.cleaned_data[name] for name in ("url", "types", "enabled", "reason")}
            version = form.cleaned_data["version"]
            if webhooking.carried_out(
                form,
                lambda: webhooks.change(row.pk, actor=page.actor_of(request), expected_version=version, **values),
            ):
                return page.finish(request, reverse(LIST), f"The webhook {row.origin} is changed.")
        return page.show_form(
            request,
            self,
            form,
            title="Change webhook",
            heading="Change the webhook",
            lead=" ".join([f"Of {webhooking.tenant_of(row)}.", row.disabled_because]).strip(),
            keeps="What waits for it goes to the new address, once it is enabled. The secret stays as it is.",
            verb="Save the webhook",
            back=reverse(LIST),
        )

    def rotate_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        row, form = webhooking.found(pk), page.ReasonForm(request.POST or None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            made = webhooking.carried_out(
                form, lambda: webhooks.rotate(pk, actor=page.actor_of(request), reason=reason)
            )
            if made:
                return self.show_secret(request, made)
        hours = readable.duration(conf.current().webhook_rotation_seconds)
        return page.show_form(
            request,
            self,
            form,
            title="Rotate the secret",
            heading=f"Rotate the secret of {row.origin}",
            lead="The new one is shown once, right after this.",
            keeps=f"The secret it has now signs too, for {hours}: give the receiver the new one until then.",
            verb="Make a new secret",
            back=reverse(LIST),
        )

    def ping_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send a notice that tells nothing."""
        if not request.user.has_perm(webhooking.MAY_SEND):
            raise PermissionDenied
        row, form = webhooking.found(pk), page.ReasonForm(request.POST or None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            if webhooking.carried_out(form, lambda: webhooks.ping(pk, actor=page.actor_of(request), reason=reason)):
                return page.finish(request, webhooking.told_to(row), f"A ping is on its way to {row.origin}.")
        return page.show_form(
            request,
            self,
            form,
            title="Send a ping",
            heading=f"Send a ping to {row.origin}",
            keeps="It is sent and tried again like any other notice; what came of it is under Deliveries.",
            verb="Send a ping",
            back=reverse(LIST),
        )

    def forget_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not request.user.has_perm(MAY_DELETE):
            raise PermissionDenied
        row, form = webhooking.found(pk), page.ReasonForm(request.POST or None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            if webhooking.carried_out(form, lambda: webhooks.delete(pk, actor=page.actor_of(request), reason=reason)):
                return page.finish(request, reverse(LIST), f"The webhook {row.origin} is deleted.")
        return page.show_form(
            request,
            self,
            form,
            title="Delete webhook",
            heading=f"Delete the webhook {row.origin}",
            lead=f"Of {webhooking.tenant_of(row)}. This can't be undone.",
            keeps="Its deliveries go with it, those that wait too. The audit of what was done to it stays.",
            verb="Delete the webhook",
            danger=True,
            back=reverse(LIST),
        )

    def show_secret(self, request: HttpRequest, made: Made) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Secret of a webhook",
            "webhook": made.webhook,
            "secret": made.secret,
            "record": trail.find(request),
        }
        response = TemplateResponse(request, "workflows/admin/webhook_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.display(description="Address")
    def address(self, row: Webhook) -> SafeString:
        return format_html('<span class="mo-mono">{}/…</span>', row.origin)

    @admin.display(description="Organization")
    def tenant(self, row: Webhook) -> str:
        return webhooking.tenant_of(row)

    @admin.display(description="Told of")
    def told_of(self, row: Webhook) -> str:
        return ", ".join(row.types)

    @admin.display(description="State")
    def state(self, row: Webhook) -> SafeString:
        if row.enabled:
            return readable.badge("active")
        return format_html('<span title="{}">{}</span>', row.disabled_because, readable.badge("off"))

    @admin.display(description="Actions")
    def verbs(self, row: Webhook) -> SafeString:
        change = reverse("admin:workflows_webhook_change", args=[row.pk])
        return format_html(
            '<a class="mo-button mo-small" href="{}" aria-label="Change {name}">Change…</a> {} {} {}',
            change,
            self.sending(row),
            # Not in a dialog: what it ends with is a page that shows the secret.
            format_html(
                '<a class="mo-button mo-small" href="{}" aria-label="Rotate the secret of {}">Rotate…</a>',
                reverse("admin:workflows_webhook_rotate", args=[row.pk]),
                row.origin,
            ),
            webhooking.dialog("forget", row, "Delete…", f"Delete {row.origin}"),
            name=row.origin,
        )

    @admin.display(description="Actions")
    def only_sending(self, row: Webhook) -> SafeString:
        return format_html("{} {}", self.sending(row), page.disabled("Change…", NEEDED, "Rotate…", "Delete…"))

    @admin.display(description="Actions")
    def no_verbs(self, row: Webhook) -> SafeString:
        ping = page.disabled("Ping…", "Needs the permission to send deliveries again")
        others = page.disabled("Change…", NEEDED, "Rotate…", "Delete…")
        return format_html("{} {} {}", webhooking.deliveries(row), ping, others)

    def sending(self, row: Webhook) -> SafeString:
        ping = webhooking.dialog("ping", row, "Ping…", f"Send a ping to {row.origin}") if row.enabled else ""
        return format_html("{} {}", webhooking.deliveries(row), ping)
