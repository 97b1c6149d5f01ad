"""Who is told of notices: webhooks made, changed, rotated and deleted with a reason; pings, and deliveries sent again.

Each has a secret of its own, made here, shown to whoever made it and never again. It is encrypted under the keys of
the tenants' secrets and bound to its webhook.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from workflows import audit, conf, notices, secrets, signing
from workflows.audit import Act, Actor
from workflows.models import Delivery, Organization, Webhook
from workflows.notices import OF_SERVICE, WANTED, Notice
from workflows.outbound import OutboundFailed, OutboundRefused, allowed, targets
from workflows.secrets import SecretUnreadable

__all__ = [
    "Made",
    "SecretUnreadable",
    "WebhookRefused",
    "change",
    "create",
    "delete",
    "encrypt_again",
    "ping",
    "redeliver",
    "reveal",
    "rotate",
]
PING = "This is a test: nothing happened."
BATCH = 500


class WebhookRefused(Exception):
    """It is not done. `code` says why, `field` which value is at fault, if one is."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook and its new secret, which is not shown again."""

    webhook: Webhook
    secret: str = field(repr=False)


def create(org_id: UUID | None, url: str, types: Collection[str], *, actor: Actor, reason: str) -> Made:
    """Make a webhook of an org, or of the whole service.

    Raises:
        WebhookRefused: url_refused, types_invalid, org_not_found, limit_exceeded, or reason_missing.
    """
    row = Webhook(org_id=org_id, url=url.strip(), types=_checked(types, org_id))
    _check(row, reason)
    secret = signing.make_secret()
    with transaction.atomic():
        _make_room(org_id)
        row.ciphertext = secrets.seal(_place(row), secret)
        row.save(force_insert=True)
        _note("create_webhook", row, actor, reason, types=row.types)
    return Made(row, secret)


def change(
    webhook_id: UUID,
    *,
    actor: Actor,
    reason: str,
    expected_version: int | None = None,
    url: str | None = None,
    types: Collection[str] | None = None,
    enabled: bool | None = None,
) -> Webhook:
    """Set what is given; what waits is sent to where it then points, once it is enabled.

    Raises:
        WebhookRefused: as create, version_conflict, or not_found.
    """
    with transaction.atomic():
        row = _locked(webhook_id)
        if expected_version not in (None, row.version):
            raise WebhookRefused("version_conflict", "", "It was changed meanwhile; look at it again.")
        row.url = row.url if url is None else url.strip()
        row.types = row.types if types is None else _checked(types, row.org_id)
        row.enabled = row.enabled if enabled is None else enabled
        if row.enabled:
            row.disabled_because = ""
        _check(row, reason)
        _save(row)
        _note("change_webhook", row, actor, reason, types=row.types, enabled=row.enabled)
        transaction.on_commit(notices.wake)
    return row


def rotate(webhook_id: UUID, *, actor: Actor, reason: str) -> Made:
    """Give it a new secret; the one before signs too, for WEBHOOK_ROTATION_SECONDS.

    Raises:
        WebhookRefused: reason_missing, or not_found.
    """
    secret = signing.make_secret()
    with transaction.atomic():
        row = _locked(webhook_id)
        _check_reason(reason)
        row.previous_ciphertext = row.ciphertext
        row.previous_until = timezone.now() + timedelta(seconds=conf.current().webhook_rotation_seconds)
        row.ciphertext = secrets.seal(_place(row), secret)
        _save(row)
        _note("rotate_webhook", row, actor, reason)
    return Made(row, secret)


def delete(webhook_id: UUID, *, actor: Actor, reason: str) -> None:
    """Forget a webhook, and what it was told.

    Raises:
        WebhookRefused: reason_missing, or not_found.
    """
    with transaction.atomic():
        row = _locked(webhook_id)
        _check_reason(reason)
        gone = Delivery.objects.filter(webhook=row)._raw_delete("default")  # noqa: SLF001
        _note("delete_webhook", row, actor, reason, deliveries=gone)
        row.delete()


def ping(webhook_id: UUID, *, actor: Actor, reason: str) -> None:
    """Send a notice that tells nothing, whatever types it asked for.

    Raises:
        WebhookRefused: reason_missing, not_found, disabled, or too_many_wait.
    """
    _check_reason(reason)
    with transaction.atomic():
        row = _locked(webhook_id)
        _check_enabled(row)
        if not notices.tell(Notice.PING, row.org_id, {"message": PING, "webhook_id": row.id}, only=row.id):
            raise WebhookRefused("too_many_wait", "", "Too much waits for this webhook already; see its deliveries.")
        _note("ping_webhook", row, actor, reason)


def redeliver(delivery_id: UUID, *, actor: Actor, reason: str) -> Delivery:
    """Send it again from now on, with the same webhook-id and body, as often as a new one would be tried.

    Raises:
        WebhookRefused: reason_missing, not_found, disabled, or waiting when it is not settled yet.
    """
    _check_reason(reason)
    with transaction.atomic():
        row = Delivery.objects.select_for_update(of=("self",)).select_related("webhook").filter(id=delivery_id).first()
        if row is None:
            raise WebhookRefused("not_found", "", "There is no such delivery any more.")
        _check_enabled(row.webhook)
        if row.next_at is not None:
            raise WebhookRefused("waiting", "", "It is on its way: it is tried again by itself.")
        now = timezone.now()
        row.next_at, row.give_up_at = now, now + timedelta(seconds=conf.current().webhook_give_up_seconds)
        row.attempts, row.held_until, row.delivered_at = 0, None, None
        row.save(update_fields=["next_at", "give_up_at", "attempts", "held_until", "delivered_at"])
        _note("redeliver", row.webhook, actor, reason, delivery=str(row.id), type=row.type)
        transaction.on_commit(notices.wake)
    return row


def reveal(row: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign, the newest first.

    Raises:
        SecretUnreadable: one of them can't be decrypted.
    """
    found = [secrets.unseal(_place(row), row.ciphertext, f"the secret of the webhook {row.origin}")]
    if row.previous_until is not None and row.previous_until > now:
        found.append(secrets.unseal(_place(row), row.previous_ciphertext, f"the old secret of {row.origin}"))
    return found


def encrypt_again() -> int:
    """Encrypt every webhook's secret under the first key, and return how many.

    An old one that does not sign any more is forgotten.

    Raises:
        SecretUnreadable: one of them can't be decrypted; those before it are done.
    """
    done, after = 0, UUID(int=0)
    while True:
        with transaction.atomic():
            rows = list(Webhook.objects.select_for_update().filter(id__gt=after).order_by("id")[:BATCH])
            for row in rows:
                sealed = [secrets.seal(_place(row), each) for each in reveal(row, timezone.now())]
                row.ciphertext, row.previous_ciphertext = sealed[0], sealed[1] if len(sealed) > 1 else ""
                if len(sealed) == 1:
                    row.previous_until = None
            Webhook.objects.bulk_update(rows, ["ciphertext", "previous_ciphertext", "previous_until"])
        if not rows:
            return done
        done, after = done + len(rows), rows[-1].id


def _checked(types: Collection[str], org_id: UUID | None) -> list[str]:
    """Return the types in their own order; those of the service are for webhooks without an org."""
    offered = [each.value for each in WANTED if org_id is None or each not in OF_SERVICE]
    wrong = sorted(set(types) - set(offered))
    if wrong:
        why = "is told to webhooks of the whole service alone" if wrong[0] in WANTED else "is no type of notice"
        raise WebhookRefused("types_invalid", "types", f"{wrong[0]!r} {why}; choose of {', '.join(offered)}.")
    if not types:
        raise WebhookRefused("types_invalid", "types", f"Choose at least one of {', '.join(offered)}.")
    return [each for each in offered if each in types]


def _check(row: Webhook, reason: str) -> None:
    """Refuse an address that no request could go to; what its name resolves to is judged when it is sent."""
    _check_reason(reason)
    try:
        target = targets.parse(row.url)
        targets.choose(target, lambda _host, _port: [], allowed.read(conf.current().outbound_allow))
    except OutboundRefused as refused:
        raise WebhookRefused("url_refused", "url", f"{refused}.") from None
    except OutboundFailed:
        return


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise WebhookRefused("reason_missing", "reason", "Say why.")


def _check_enabled(row: Webhook) -> None:
    if not row.enabled:
        raise WebhookRefused("disabled", "", "The webhook is switched off; switch it on first.")


def _make_room(org_id: UUID | None) -> None:
    """Refuse one too many; the org's row keeps two from counting to the same number."""
    if org_id is not None and not Organization.objects.select_for_update(no_key=True).filter(pk=org_id).exists():
        raise WebhookRefused("org_not_found", "org", "There is no such organization.")
    most = conf.current().max_webhooks
    if Webhook.objects.filter(org_id=org_id)[:most].count() >= most:
        whose = "The service" if org_id is None else "An organization"
        raise WebhookRefused("limit_exceeded", "", f"{whose} may have {most} webhooks (WORKFLOWS_MAX_WEBHOOKS).")


def _locked(webhook_id: UUID) -> Webhook:
    row = Webhook.objects.select_for_update(no_key=True).filter(id=webhook_id).first()
    if row is None:
        raise WebhookRefused("not_found", "", "There is no such webhook any more.")
    return row


def _save(row: Webhook) -> None:
    row.version += 1
    row.save()


def _place(row: Webhook) -> bytes:
    return f"webhook\0{row.id}\0".encode()


def _note(verb: str, row: Webhook, actor: Actor, reason: str, **detail: Any) -> None:
    filter_: Mapping[str, Any] = {"webhook": str(row.id)}
    target = row.origin[:200]
    act = Act(verb=verb, actor=actor, reason=reason, filter=filter_, target=target, org_id=row.org_id)
    audit.note(act, **detail)
