"""Whose load it is."""

import pytest
from django.utils import timezone

from workflows.load import tenants
from workflows.models import ApiKey, Environment, Organization, OrganizationFlags, SnapshotVersion

pytestmark = pytest.mark.django_db


def test_an_org_is_made_once_with_an_environment_and_a_key_a_run() -> None:
    first = tenants.enter("grace-looms", "grace/looms", "run-1")
    again = tenants.enter("grace-looms", "grace/looms", "run-2")
    assert (first.made, again.made) == (True, False)
    assert first.org == again.org
    assert Organization.objects.get().name == "grace/looms"
    assert Environment.objects.get().slug == "production"
    assert first.secret != again.secret
    flags = OrganizationFlags.objects.get()
    assert (flags.mode, flags.limit, flags.window_ms) == ("on", 20, 200)
    assert first.org.flag_changes.get().actor_name == "burst"
    assert ApiKey.objects.get(name="run-1").is_valid(first.secret)


def test_a_key_ends_by_itself_within_a_day() -> None:
    key = tenants.enter("ada", "ada", "run-1").key
    assert key.expiry_date is not None
    assert key.expiry_date < timezone.now() + tenants.KEY_LIFE


def test_leaving_takes_the_keys_back_and_tells_every_process() -> None:
    kept = tenants.enter("ada", "ada", "run-1")
    before = SnapshotVersion.objects.get().deleted_at_version
    tenants.leave([tenants.enter("grace", "grace", "run-2")])
    assert ApiKey.objects.get() == kept.key
    assert SnapshotVersion.objects.get().deleted_at_version > before


def test_an_org_that_exists_keeps_the_mode_its_operator_set() -> None:
    Organization.objects.create(slug="ada", name="Ada")
    org = tenants.enter("ada", "ada", "run-1").org
    assert not org.flag_changes.exists()
