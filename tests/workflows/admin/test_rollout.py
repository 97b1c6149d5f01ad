"""The dialog that changes an org's rollout."""

import pytest

from tests import people, tenants
from workflows.admin import rollout
from workflows.models import Environment, FlagChange, Organization, OrganizationFlags

pytestmark = pytest.mark.django_db


def address(environment: Environment) -> str:
    return f"/admin/workflows/organization/{environment.org_id}/rollout/"


def asked(**changed) -> dict[str, object]:
    values = {"mode": "on", "percent": "100", "weight": "1", "limit": "", "window_ms": "", "hold_ms": "", "version": ""}
    return values | {"reason": "the sale starts"} | changed


def test_a_change_is_made_with_its_reason_and_audited() -> None:
    environment = tenants.make_env("acme")
    answer = people.oscar().post(address(environment), asked(limit="7", percent="50"), follow=True)
    flags = OrganizationFlags.objects.get(org=environment.org_id)
    assert (flags.mode, flags.limit, flags.percent) == ("on", 7, 50)
    change = FlagChange.objects.get()
    assert (change.actor_name, change.reason) == ("oscar", "the sale starts")
    page = answer.content.decode()
    assert "mode off → on" in page
    assert f"/admin/workflows/flagchange/{change.pk}/change/" in page


def test_in_a_dialog_the_answer_names_the_next_page() -> None:
    environment = tenants.make_env("acme")
    answer = people.oscar().post(
        address(environment), asked(next="/admin/workflows/organization/"), headers={"X-Dialog": "1"}
    )
    assert (answer.status_code, answer["Location"]) == (204, "/admin/workflows/organization/")


def test_another_host_is_never_the_next_page() -> None:
    environment = tenants.make_env("acme")
    answer = people.oscar().post(address(environment), asked(next="https://elsewhere.example/"))
    assert answer["Location"] == f"/admin/workflows/organization/{environment.org_id}/change/"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"reason": "  "}, "This field is required"),
        ({"mode": "loud"}, "Select a valid choice"),
        ({"percent": "101"}, "less than or equal to 100"),
        ({"limit": "0"}, "greater than or equal to 1"),
        ({"weight": "0"}, "greater than or equal to 0.01"),
    ],
)
def test_a_refused_change_is_explained_and_nothing_is_written(changed: dict[str, str], words: str) -> None:
    environment = tenants.make_env("acme")
    answer = people.oscar().post(address(environment), asked(**changed))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not FlagChange.objects.exists()


def test_a_change_against_an_old_version_is_refused() -> None:
    environment = tenants.make_env("acme", mode="shadow")
    seen = OrganizationFlags.objects.get()
    OrganizationFlags.objects.get().save()
    answer = people.oscar().post(address(environment), asked(version=str(seen.version)))
    assert "Somebody changed this rollout" in answer.content.decode()
    assert OrganizationFlags.objects.get().mode == "shadow"


def test_flags_written_since_the_dialog_saw_none_are_a_conflict() -> None:
    environment = tenants.make_env("acme", mode="shadow")
    answer = people.oscar().post(address(environment), asked(version=""))
    assert "Somebody changed this rollout" in answer.content.decode()


def test_the_dialog_shows_what_holds_now_and_the_defaults() -> None:
    environment = tenants.make_env("acme", mode="shadow", percent=30, limit=9)
    page = people.oscar().get(address(environment)).content.decode()
    assert 'value="shadow"' in page
    assert 'value="30"' in page
    assert "200 (default)" in page
    assert 'placeholder="Why?' in page


def test_a_viewer_may_not_change_a_rollout() -> None:
    environment = tenants.make_env("acme")
    client = people.vera()
    assert client.get(address(environment)).status_code == 403
    assert client.post(address(environment), asked()).status_code == 403
    assert not FlagChange.objects.exists()


def test_an_org_that_is_not_there_has_no_dialog() -> None:
    assert (
        people.oscar().get("/admin/workflows/organization/01a1fd96-6bcd-73ec-9cc7-5e36733f7238/rollout/").status_code
        == 404
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({}, "starts directly"),
        ({"mode": "on"}, "on for production"),
        ({"mode": "shadow", "percent": 0}, "shadow for none of 1"),
    ],
)
def test_the_effective_state_is_told_in_words(flags: dict[str, object], words: str) -> None:
    environment = tenants.make_env("acme", **flags)
    assert rollout.effective(Organization.objects.get(pk=environment.org_id)) == words


def test_part_of_the_environments_is_told_as_a_share() -> None:
    org = Organization.objects.create(slug="wide", name="Wide")
    for number in range(20):
        Environment.objects.create(org=org, slug=f"env-{number}")
    OrganizationFlags(org=org, mode="on", percent=50).save()
    org = Organization.objects.get(pk=org.pk)
    taken = sum(enrolled for _, enrolled in rollout.enrolment(org))
    assert 0 < taken < 20
    assert rollout.effective(org) == f"on for {taken} of 20"
