"""An org's share of the drainer, kept in Redis where claims read it."""

import math

from mollifier import client, keys


def set_weight(org: str, weight: float) -> None:
    """Give the org this share from its next visit on; 1 is everyone's.

    Raises:
        ValueError: the weight is not a positive number.
        BufferUnavailable: Redis can't be reached.
    """
    if not (weight > 0 and math.isfinite(weight)):
        raise ValueError(f"a weight is a positive number, not {weight}")
    weights = keys.key("weights", keys.partition_of(org))
    client.call(("HDEL", weights, org) if weight == 1 else ("HSET", weights, org, repr(float(weight))))
