"""Signatures of what is sent to webhooks, as Standard Webhooks has them (standardwebhooks.com). Pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
KEY_BYTES = 32


def make_secret() -> str:
    """Return a new secret, in the notation that receivers' libraries take."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def sign(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """Return one signature of a message: HMAC-SHA256 over its id, the time it is sent and its body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(secrets_: Iterable[str], id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message; each secret signs, so that a receiver may know any one of them."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(each, id_, timestamp, body) for each in secrets_),
    }
