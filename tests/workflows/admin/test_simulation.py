"""What if: the page of a simulation."""

import re

import pytest

from mollifier.sandbox import Sandbox
from tests import people, tenants
from tests.intake.recorded import record
from workflows.models import FlagChange, OrganizationFlags

pytestmark = pytest.mark.django_db


def address(environment) -> str:
    return f"/admin/workflows/organization/{environment.org_id}/simulation/"


@pytest.fixture
def acme():
    environment = tenants.make_env("acme", mode="shadow")
    record(environment, 60, 0, 30)
    return environment


def test_the_page_of_the_org_leads_there_and_the_form_says_what_it_does(acme) -> None:
    client = people.oscar()
    assert address(acme) in client.get(f"/admin/workflows/organization/{acme.org_id}/change/").content.decode()
    page = client.get(address(acme))
    assert page.status_code == 200
    assert "Nothing is changed" in page.content.decode()
    assert "<svg class" not in page.content.decode()


def test_both_settings_are_shown_as_figures_and_curves(acme) -> None:
    answer = people.oscar().post(address(acme), {"limit": "10", "window_ms": "1000", "hold_ms": "0", "drain_rate": "5"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert re.search(r"<td>Buffered</td><td class=\"mo-number\">\d+</td><td class=\"mo-number\">0</td>", page)
    assert page.count('<svg class="mo-curves"') == 3
    assert page.count("<polyline") == 5
    assert 'aria-label="Depth. Then: at most' in page
    assert all(re.fullmatch(r"[\d., ]+", each) for each in re.findall(r'points="([^"]+)"', page))
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert not FlagChange.objects.exists()
    assert OrganizationFlags.objects.get().mode == "shadow"


def test_unchanged_settings_are_one_curve(acme) -> None:
    page = people.oscar().post(address(acme), {}).content.decode()
    assert page.count("<polyline") == 3
    assert '<th class="mo-number">Now</th>' not in page


@pytest.mark.parametrize(
    ("given", "said"),
    [({"limit": "0"}, "greater than or equal to 1"), ({"weight": "x"}, "Enter a number"), ({"rivals": "1.5"}, "whole")],
)
def test_what_can_not_be_is_said_beside_its_field(acme, given, said) -> None:
    answer = people.oscar().post(address(acme), given)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)


def test_a_simulation_under_way_is_said(acme) -> None:
    client = people.oscar()
    with Sandbox():
        answer = client.post(address(acme), {})
    assert (answer.status_code, "Another simulation is under way" in answer.content.decode()) == (422, True)


def test_without_a_record_it_says_how_to_get_one() -> None:
    answer = people.oscar().post(address(tenants.make_env("acme", mode="shadow")), {})
    assert "set the org to shadow" in answer.content.decode()


def test_a_cap_that_was_met_is_said(acme, settings) -> None:
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SIMULATION_TRIGGERS": 40}
    assert "MOLLIFIER_SIMULATION_TRIGGERS" in people.oscar().post(address(acme), {}).content.decode()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_is_said() -> None:
    answer = people.oscar().post(address(tenants.make_env("acme", mode="shadow")), {})
    assert "does not answer or is full" in answer.content.decode()


def test_who_may_only_look_may_not_simulate(acme) -> None:
    assert people.vera().post(address(acme), {}).status_code == 403
    page = people.signed_in(people.User.objects.get(username="vera")).get(
        f"/admin/workflows/organization/{acme.org_id}/change/"
    )
    assert address(acme) not in page.content.decode()


def test_an_org_that_is_not_there_is_not_found() -> None:
    assert (
        people.oscar().get("/admin/workflows/organization/01900000-0000-7000-8000-000000000000/simulation/").status_code
        == 404
    )
