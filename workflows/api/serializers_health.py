"""The shape of what probes ask."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct


class Health(Struct, frozen=True):
    """Whether the process serves; `checks` says of each part it needs `ok` or what is wrong."""

    status: Literal["ok", "degraded", "unavailable"]
    checks: Mapping[str, Literal["ok", "degraded", "unavailable"]] = {}
