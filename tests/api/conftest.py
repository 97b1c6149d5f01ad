"""Acme calls the API: a tenant, its key, and what to send."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from django.test import Client

from tests.declared import actions
from tests.tenants import make_env
from workflows.intake import refresher
from workflows.models import ApiKey, Environment
from workflows.scopes import EVERY_SCOPE

__all__ = ["actions"]


@dataclass
class Caller:
    """A client that sends one key and speaks JSON."""

    key: str
    env: Environment
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/api/v1/{path}", headers=self._headers(headers))

    def post(self, path: str, body: Any = b"", **headers: str) -> Any:
        return self._send("post", path, body, headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self._send("put", path, body, headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self._send("patch", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.client.delete(f"/api/v1/{path}", headers=self._headers(headers))

    def trigger(self, definition: str = "greet", **fields: Any) -> Any:
        return self.post("triggers", {"definition": definition, **fields})

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        send = getattr(self.client, method)
        return send(f"/api/v1/{path}", content, content_type="application/json", headers=self._headers(headers))

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }


def make_caller(org: str = "acme", slug: str = "production", scopes: list[str] | None = None, **flags: Any) -> Caller:
    """Make an environment, its org's flags and a key that may do everything."""
    env = make_env(org, slug, **flags)
    _, key = ApiKey.objects.create_key(name="test", env=env, scopes=EVERY_SCOPE if scopes is None else scopes)
    refresher.refresh()
    return Caller(key, env)


@pytest.fixture
def acme(db) -> Caller:
    """Its org is off: every trigger starts at once."""
    return make_caller()


@pytest.fixture
def smoothed(db) -> Caller:
    """Its org is on: one trigger of an hour passes, the others are mollified."""
    return make_caller(mode="on", limit=1, window_ms=3_600_000)
