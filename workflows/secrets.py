"""Tenants' secrets: set, rotated, deleted with a reason; decrypted only for the step that names them.

A value is bound to its org, environment and name: a ciphertext that is copied to another row does not decrypt.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from workflows import conf, models
from workflows.models import SecretChange, SecretVerb
from workflows.redaction import MIN_LENGTH, Secret

log = structlog.get_logger(__name__)

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
MAX_LENGTH = 16 * 1024
BATCH = 500


class SecretRefused(Exception):
    """A change is not made. `code` says why, `field` which value is at fault."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class SecretMissing(Exception):
    """A step names a secret that neither its environment nor its org has."""

    code = "secret_missing"


class SecretUnreadable(Exception):
    """No key that this process has decrypts the secret."""

    code = "secret_unreadable"


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a secret: a user of the pages, or a name for what acts without one."""

    name: str
    user: User | None = None


def create(org_id: UUID, env_id: UUID | None, name: str, value: str, *, author: Author, reason: str) -> models.Secret:
    """Keep a new secret, for the whole org when `env_id` is None.

    Raises:
        SecretRefused: name_invalid, value_invalid, reason_missing, or exists.
    """
    if not NAME.fullmatch(name):
        raise SecretRefused("name_invalid", "name", "A name is a letter or _, then letters, digits and _, 100 at most.")
    _check(value, reason)
    row = models.Secret(org_id=org_id, env_id=env_id, name=name)
    row.ciphertext = _encrypt(row, value)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _record(row, SecretVerb.CREATED, author, reason)
    except IntegrityError:
        raise SecretRefused("exists", "name", f"There is a secret {name} here already; rotate it instead.") from None
    return row


@sensitive_variables("value")
def rotate(secret_id: UUID, value: str, *, author: Author, reason: str) -> models.Secret:
    """Replace the value; steps that start from now on get the new one.

    Raises:
        SecretRefused: value_invalid, reason_missing, or not_found.
    """
    _check(value, reason)
    with transaction.atomic():
        row = _locked(secret_id)
        row.ciphertext, row.rotated_at = _encrypt(row, value), timezone.now()
        row.save(update_fields=["ciphertext", "rotated_at"])
        _record(row, SecretVerb.ROTATED, author, reason)
    return row


def delete(secret_id: UUID, *, author: Author, reason: str) -> None:
    """Forget a secret; steps that name it fail with secret_missing.

    Raises:
        SecretRefused: reason_missing, or not_found.
    """
    _check(None, reason)
    with transaction.atomic():
        row = _locked(secret_id)
        _record(row, SecretVerb.DELETED, author, reason)
        row.delete()


def resolve(org_id: UUID, env_id: UUID, names: Collection[str]) -> dict[str, Secret]:
    """Decrypt the named secrets, the environment's before the org's, in one query.

    Raises:
        SecretMissing: one of them is not there.
        SecretUnreadable: one of them can't be decrypted.
    """
    if not names:
        return {}
    rows = models.Secret.objects.filter(Q(env_id=env_id) | Q(env__isnull=True), org_id=org_id, name__in=list(names))
    nearest = {row.name: row for row in sorted(rows, key=lambda row: row.env_id is not None)}
    missing = sorted(set(names) - nearest.keys())
    if missing:
        raise SecretMissing(f"there is no secret {missing[0]!r} in this environment or its org; add it in the admin")
    return {name: Secret(_decrypt(row), name) for name, row in nearest.items()}


def encrypt_again() -> int:
    """Encrypt every secret under the first key, batch by batch, and return how many; the others can then be retired.

    Raises:
        SecretUnreadable: one of them can't be decrypted; those before it are done.
    """
    done, after = 0, UUID(int=0)
    while True:
        with transaction.atomic():
            rows = list(models.Secret.objects.select_for_update().filter(id__gt=after).order_by("id")[:BATCH])
            for row in rows:
                row.ciphertext = _encrypt(row, _decrypt(row))
            models.Secret.objects.bulk_update(rows, ["ciphertext"])
        if not rows:
            return done
        done, after = done + len(rows), rows[-1].id


def _check(value: str | None, reason: str) -> None:
    if value is not None and not MIN_LENGTH <= len(value) <= MAX_LENGTH:
        raise SecretRefused(
            "value_invalid",
            "value",
            f"A secret has {MIN_LENGTH} to {MAX_LENGTH:,} characters: a shorter one can't be kept out of results.",
        )
    if not reason.strip():
        raise SecretRefused("reason_missing", "reason", "Say why.")


def _locked(secret_id: UUID) -> models.Secret:
    row = models.Secret.objects.select_for_update().filter(id=secret_id).first()
    if row is None:
        raise SecretRefused("not_found", "id", "There is no such secret any more.")
    return row


def _record(row: models.Secret, verb: SecretVerb, author: Author, reason: str) -> None:
    SecretChange.objects.create(
        org_id=row.org_id,
        env_id=row.env_id,
        name=row.name,
        verb=verb,
        actor=author.user,
        actor_name=author.name,
        reason=reason.strip(),
    )
    log.info("workflows.secret_changed", secret=row.name, verb=verb.value, actor=author.name)


def _place(row: models.Secret) -> bytes:
    return f"{row.org_id}\0{row.env_id or ''}\0{row.name}\0".encode()


@sensitive_variables("value")
def _encrypt(row: models.Secret, value: str) -> str:
    return seal(_place(row), value)


def _decrypt(row: models.Secret) -> str:
    return unseal(_place(row), row.ciphertext, f"secret {row.name!r}")


@sensitive_variables("value")
def seal(place: bytes, value: str) -> str:
    """Encrypt a value under the first key, bound to its place."""
    return _cipher(conf.secret_keys()).encrypt(place + value.encode()).decode()


def unseal(place: bytes, ciphertext: str, what: str) -> str:
    """Decrypt what was sealed at this place; `what` names it in the error.

    Raises:
        SecretUnreadable: no key decrypts it, or it is another place's.
    """
    try:
        plain = _cipher(conf.secret_keys()).decrypt(ciphertext)
    except InvalidToken:
        plain = b""
    if not plain.startswith(place):
        raise SecretUnreadable(f"{what} can't be decrypted: put its key back into WORKFLOWS_SECRET_KEYS, or rotate it")
    return plain[len(place) :].decode()


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
