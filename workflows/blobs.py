"""Large results, kept outside the log: in Django's default storage, under what they are, apart for each instance.

What the log keeps is `{"$blob": key, "size": n}`. Writing the same again changes nothing, so a step that runs twice
leaves one blob.
"""

import hashlib
import re
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

KEY = re.compile(r"blobs/(?P<env>[0-9a-f-]{36})/(?P<instance>[0-9a-f-]{36})/(?P<digest>[0-9a-f]{64})\.json")
MARK = "$blob"


class BlobMissing(Exception):
    """The blob is not there, not this environment's, or no blob at all."""

    code = "blob_missing"


class BlobTooLarge(Exception):
    """The blob is larger than what may be taken back."""

    code = "blob_too_large"


class BlobDamaged(Exception):
    """The blob is not what its key says: it is being written, or somebody changed it."""

    code = "blob_damaged"


def is_reference(value: Any) -> bool:
    """Tell whether a JSON value stands for a blob."""
    return isinstance(value, dict) and MARK in value and value.keys() <= {MARK, "size"}


def spill(env_id: UUID, instance_id: UUID, content: bytes) -> dict[str, Any]:
    """Keep the content and return what stands for it."""
    key = f"{_place(env_id, instance_id)}/{hashlib.sha256(content).hexdigest()}.json"
    if default_storage.exists(key):
        if default_storage.size(key) == len(content):
            return {MARK: key, "size": len(content)}
        # Half written by a process that died.
        default_storage.delete(key)
    saved = default_storage.save(key, ContentFile(content))
    if saved != key:
        # Another process was first; the content is the same.
        default_storage.delete(saved)
    return {MARK: key, "size": len(content)}


def fetch(reference: dict[str, Any], env_id: UUID, *, at_most: int) -> bytes:
    """Return the content that a reference stands for.

    Raises:
        BlobMissing: there is none, or it belongs to another environment.
        BlobTooLarge: it has more than `at_most` bytes.
        BlobDamaged: it is not whole, or not what it was.
    """
    key = reference[MARK]
    found = KEY.fullmatch(key) if isinstance(key, str) else None
    if found is None or found["env"] != str(env_id):
        raise BlobMissing("this is no blob of this environment")
    try:
        with default_storage.open(key) as file:
            content: bytes = file.read(at_most + 1)
    except FileNotFoundError:
        raise BlobMissing(f"{key} is not in the storage any more") from None
    if len(content) > at_most:
        raise BlobTooLarge(f"{key} has more than the {at_most:,} bytes that may be taken back")
    if hashlib.sha256(content).hexdigest() != found["digest"]:
        raise BlobDamaged(f"{key} is not what it was when it was written")
    return content


def remove(env_id: UUID, instance_id: UUID) -> int:
    """Delete the blobs of an instance and return how many there were."""
    place = _place(env_id, instance_id)
    try:
        _, names = default_storage.listdir(place)
    except FileNotFoundError:
        return 0
    for name in names:
        default_storage.delete(f"{place}/{name}")
    default_storage.delete(place)
    return len(names)


def _place(env_id: UUID, instance_id: UUID) -> str:
    return f"blobs/{env_id}/{instance_id}"
