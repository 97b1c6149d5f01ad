"""Who calls: a bearer key, checked against what this process keeps in memory, without SQL."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, cast

import structlog
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from workflows.api.problems import Problem, unavailable
from workflows.apikeys import ApiKeyGenerator
from workflows.intake import refresher
from workflows.intake.directory import Directory, Env, Key
from workflows.scopes import Scopes

REALM = 'Bearer realm="mollifier"'
KEY = re.compile(r"mo_(?P<prefix>[A-Za-z0-9]{1,32})_[A-Za-z0-9]{1,128}")
MAX_VERIFIED = 4096

_generator = ApiKeyGenerator()
# An unknown prefix costs as much as a wrong secret.
_NOBODY = _generator.hash(secrets.token_hex())
# Digests of keys that matched a stored hash. The digest is keyed afresh in each process.
_pepper = secrets.token_bytes(32)
_verified: dict[bytes, str] = {}
# Told in the audit where a call has no reason of its own.
WHY = "By the API"


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was checked, and the environment it is bound to."""

    key: Key
    env: Env
    directory: Directory
    is_authenticated: bool = True

    @property
    def name(self) -> str:
        """What audit records call it."""
        return f"api key {self.key.prefix}"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer mo_<prefix>_<secret>`."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        caller = identify(request.META.get("HTTP_AUTHORIZATION", ""))
        structlog.contextvars.bind_contextvars(org=caller.env.org.slug, env=caller.env.slug)
        return caller, caller.key


class HasScope(BasePermission):
    """The key may do what the view's `scopes` ask for the method: one of them is enough."""

    def has_permission(self, request: Request, view: Any) -> bool:
        wanted: Mapping[str, frozenset[Scopes]] = view.scopes
        # A HEAD is a GET whose body is left out: it tells whether there is something, and its tag.
        if scopes := wanted.get("GET" if request.method == "HEAD" else request.method or ""):
            require(caller_of(request), scopes)
        return True


def caller_of(request: Request) -> Caller:
    return cast("Caller", request.user)


def identify(header: str) -> Caller:
    """Return the caller that an Authorization header proves to be.

    Raises:
        Problem: 401 without a valid key, 503 when this process knows no keys.
    """
    kind, _, key = header.partition(" ")
    if kind.lower() != "bearer":
        raise unauthenticated("unauthenticated", "Send `Authorization: Bearer <key>`.", REALM)
    try:
        directory = refresher.current()
    except refresher.DirectoryUnavailable as error:
        raise unavailable(error.code, "Keys can't be checked while the database is away; try again.") from None
    shape = KEY.fullmatch(key.strip())
    stored = directory.keys.get(shape["prefix"]) if shape else None
    if not matches(key.strip(), stored.hashed_key if stored else _NOBODY) or stored is None:
        raise refused("invalid_key", "This key is not valid.")
    if stored.revoked:
        raise refused("key_revoked", "This key is revoked.")
    if stored.expires_at is not None and stored.expires_at <= datetime.now(UTC):
        raise refused("key_expired", "This key has expired.")
    env = directory.envs.get(stored.env_id)
    if env is None:
        raise refused("invalid_key", "The environment of this key is gone.")
    return Caller(stored, env, directory)


def matches(key: str, hashed_key: str) -> bool:
    """Compare a key with a stored hash in constant time, remembering what matched."""
    digest = blake2b(key.encode("utf-8", "surrogateescape"), key=_pepper, digest_size=32).digest()
    if _verified.get(digest) == hashed_key:
        return True
    try:
        matched = bool(_generator.verify(key, hashed_key))
    except UnicodeEncodeError:
        return False
    if matched:
        if len(_verified) >= MAX_VERIFIED:
            _verified.clear()
        _verified[digest] = hashed_key
    return matched


def require(caller: Caller, scopes: frozenset[Scopes]) -> None:
    """Refuse a key that has none of the scopes.

    Raises:
        Problem: 403.
    """
    if caller.key.scopes.isdisjoint(scopes):
        names = " ".join(sorted(scopes))
        challenge = f'{REALM}, error="insufficient_scope", scope="{names}"'
        detail = f"This key lacks the scope: {' or '.join(sorted(scopes))}."
        raise Problem(HTTPStatus.FORBIDDEN, "insufficient_scope", detail, headers={"WWW-Authenticate": challenge})


def refused(code: str, detail: str) -> Problem:
    return unauthenticated(code, detail, f'{REALM}, error="invalid_token", error_description="{detail}"')


def unauthenticated(code: str, detail: str, challenge: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, code, detail, headers={"WWW-Authenticate": challenge})
