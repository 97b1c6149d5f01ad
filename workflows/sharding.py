"""Which lane an instance is pinned to: pure arithmetic, computed once and stored."""

FNV_SEED = 2166136261
FNV_PRIME = 16777619


def fnv1a_32(text: str) -> int:
    """Hash text by FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    value = FNV_SEED
    for byte in text.encode():
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def shard_for(key: str, shards: int) -> int:
    """Return the lane of a key: the instance id, or the slug of a definition that is pinned to one lane."""
    return fnv1a_32(key) % shards


def safe_shard(index: int | None, shards: int) -> int:
    """Read a stored index; a missing, negative or out-of-range one is 0."""
    return index if index is not None and 0 <= index < shards else 0
