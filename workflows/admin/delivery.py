"""Deliveries: what each webhook was told, what came of it, and the dialog that sends one again."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflows import webhooks
from workflows.admin import page, webhooking
from workflows.models import Delivery
from workflows.templatetags import readable

LIST = "admin:workflows_delivery_changelist"
STATES = {
    "waiting": Q(next_at__isnull=False),
    "delivered": Q(next_at__isnull=True, delivered_at__isnull=False),
    "failed": Q(next_at__isnull=True, delivered_at__isnull=True),
}


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.title()) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        wanted = STATES.get(self.value() or "")
        return queryset.filter(wanted) if wanted else queryset


@admin.register(Delivery)
class DeliveryPage(page.ReadOnlyPage):
    lead = "Notices to webhooks. Each is sent until it is taken, or given up after its last try."
    none_yet = "What a webhook is told appears here with the answer of its receiver."
    list_display = ("type", "to", "standing", "last_answer", "attempts", "created", "next_try", "verbs")
    list_filter = (StateFilter, ("type", admin.AllValuesFieldListFilter), "webhook")
    search_fields = ("event_id", "webhook__org__slug")
    sortable_by: ClassVar[list[str]] = []
    fields = (
        "type",
        "to",
        "event_id",
        "standing",
        "attempts",
        "last_at",
        "last_answer",
        "next_at",
        "give_up_at",
        "delivered_at",
        "created_at",
        "sent",
    )
    readonly_fields: ClassVar = ["to", "standing", "last_answer", "sent"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request)
        return rows.select_related("webhook__org").defer("webhook__ciphertext", "webhook__previous_ciphertext")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        columns: Sequence[str] = super().get_list_display(request)
        if request.user.has_perm(webhooking.MAY_SEND):
            return columns
        return [column if column != "verbs" else "no_verbs" for column in columns]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.again_view)
        return [path("<uuid:pk>/again/", view, name="workflows_delivery_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Send it again."""
        if not request.user.has_perm(webhooking.MAY_SEND):
            raise PermissionDenied
        row = Delivery.objects.select_related("webhook").filter(pk=pk).first()
        if row is None:
            raise Http404("There is no such delivery")
        form = page.ReasonForm(request.POST or None)
        back = page.next_address(request, reverse(LIST))
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            if webhooking.carried_out(
                form, lambda: webhooks.redeliver(pk, actor=page.actor_of(request), reason=reason)
            ):
                return page.finish(request, back, f"{row.type} is on its way to {row.webhook.origin} again.")
        return page.show_form(
            request,
            self,
            form,
            title="Send again",
            heading=f"Send {row.type} again",
            lead=f"To {row.webhook.origin}.",
            keeps="It has the same webhook-id and body: a receiver that has seen it can ignore it.",
            verb="Send it again",
            back=back,
        )

    @admin.display(description="To")
    def to(self, row: Delivery) -> str:
        return f"{row.webhook.origin}/… ({webhooking.tenant_of(row.webhook)})"

    @admin.display(description="State")
    def standing(self, row: Delivery) -> SafeString:
        return readable.badge(row.state)

    @admin.display(description="Last answer")
    def last_answer(self, row: Delivery) -> SafeString:
        return format_html('<span class="mo-wrap">{}</span>', row.last_error or row.last_status or readable.NOTHING)

    @admin.display(description="Created")
    def created(self, row: Delivery) -> str:
        return readable.moment(row.created_at)

    @admin.display(description="Next try")
    def next_try(self, row: Delivery) -> str:
        return readable.moment(row.next_at)

    @admin.display(description="Body")
    def sent(self, row: Delivery) -> SafeString:
        return format_html(
            '<pre class="mo-json">{}</pre>', json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
        )

    @admin.display(description="Action")
    def verbs(self, row: Delivery) -> SafeString | str:
        if row.next_at is not None or not row.webhook.enabled:
            return ""
        address = reverse("admin:workflows_delivery_again", args=[row.pk])
        return format_html(
            '<a class="mo-button mo-small" data-dialog href="{}" aria-label="Send {} of {} again">Send again…</a>',
            address,
            row.type,
            self.created(row),
        )

    @admin.display(description="Action")
    def no_verbs(self, row: Delivery) -> SafeString:
        return page.disabled("Send again…", "Needs the permission to send deliveries again")
