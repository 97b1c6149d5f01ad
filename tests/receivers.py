"""Webhooks that point at a server of the test, and receivers that check what arrives as theirs would."""

import base64
import hashlib
import hmac

from tests.outside import Outside, Seen
from workflows import notices, webhooks
from workflows.audit import Actor
from workflows.models import Delivery
from workflows.notices import WANTED, Notice

ADA = Actor("ada")
ALLOWED = "127.0.0.1:*"


def make(outside: Outside, org_id=None, *, types=None, path="/hook", **changes):
    """Make a webhook for everything that it may hear."""
    offered = [each for each in WANTED if org_id is None or each not in notices.OF_SERVICE]
    made = webhooks.create(org_id, outside.url + path, types or offered, actor=ADA, reason="a test")
    if changes:
        webhooks.change(made.webhook.id, actor=ADA, reason="a test", **changes)
    return made


def tell(org_id=None, type_=Notice.STORM_OPENED, **data):
    notices.tell(type_, org_id, data)
    return Delivery.objects.latest("created_at")


def signed_by(secret: str, seen: Seen) -> bool:
    """Check a message as Standard Webhooks tells receivers to, by the headers and the bytes that arrived."""
    id_, at = seen.headers["webhook-id"], seen.headers["webhook-timestamp"]
    key = base64.b64decode(secret.split("_", 1)[1])
    wanted = hmac.new(key, f"{id_}.{at}.".encode() + seen.body, hashlib.sha256).digest()
    given = [each.split(",", 1) for each in seen.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and base64.b64decode(value) == wanted for version, value in given)
