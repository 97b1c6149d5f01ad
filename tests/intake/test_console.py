"""What the operator pages ask of the mollifier."""

import pytest

from tests import stock, tenants
from workflows.intake import console

pytestmark = pytest.mark.django_db


def test_every_org_that_is_asked_for_has_a_depth() -> None:
    busy = tenants.make_env("busy", mode="on", limit=1)
    idle = tenants.make_env("idle")
    stock.mollify(busy, 3)
    depths = console.depths([busy.org_id, idle.org_id])
    assert (depths[busy.org_id].queued, depths[idle.org_id]) == (3, console.EMPTY)
    assert depths[busy.org_id].oldest_seconds is not None
    assert console.depths([]) == {}


@pytest.mark.usefixtures("no_redis")
def test_without_redis_depths_are_unknown() -> None:
    org = tenants.make_env("acme").org_id
    assert console.depths([org]) == {org: console.UNKNOWN}


def test_settings_are_the_defaults_of_an_org(settings) -> None:
    settings.MOLLIFIER = {**settings.MOLLIFIER, "LIMIT": 7, "DIVERT": False}
    assert console.defaults() == {"limit": 7, "window_ms": 200, "hold_ms": 500, "org_limit": 0, "org_window_ms": 1000}
    assert not console.diverting()
