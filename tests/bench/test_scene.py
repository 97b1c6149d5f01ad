"""The scene of the pictures, on the tests' own servers."""

import pytest

from bench import scene
from tests import tenants
from workflows.models import Binding, Organization, OrganizationFlags, Schedule, Storm
from workflows.models import RolloutPlan as Plan

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_scene_is_set_and_set_again(monkeypatch, settings) -> None:
    from bench.shop import flows

    assert flows.fulfil_order
    settings.WORKFLOWS = {**settings.WORKFLOWS, "EVENT_LIMIT": 3}
    # No pump runs here, so no order comes to wait by itself.
    monkeypatch.setattr(scene.hooks, "open_of", lambda _: [True])
    monkeypatch.setattr(scene, "SUPPRESSED", 2)
    tenants.make_env("demo", "production")
    first, second = scene.set_up(), scene.set_up()
    assert (first["org"], first["plan"]) == (second["org"], second["plan"])
    assert Organization.objects.get(pk=first["org"]).slug == scene.SHOWN
    storm = Storm.objects.get(pk=first["storm"])
    assert (storm.event_type, storm.limit, storm.suppressed > 0) == ("order.created", 3, True)
    assert (Binding.objects.count(), Schedule.objects.count(), Plan.objects.count()) == (2, 1, 1)
    assert OrganizationFlags.objects.filter(paused=True).count() == 2


def test_a_service_that_does_not_run_orders_is_no_scene(monkeypatch) -> None:
    from bench.shop import flows

    assert flows.fulfil_order
    monkeypatch.setattr(scene, "WAIT_SECONDS", 0.0)
    env = tenants.make_env("demo", "production")
    with pytest.raises(TimeoutError, match=r"EXTRA_APPS=bench\.shop bin/up"):
        scene.start_order(env)
