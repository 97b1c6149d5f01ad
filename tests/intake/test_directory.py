"""What is loaded of tenants, keys, flags and definitions, and when."""

from datetime import UTC, datetime

import pytest
from django.db import transaction

from mollifier.decision import Limit, Limits, Mode
from tests.tenants import make_env
from workflows.intake import directory
from workflows.intake.directory import AS_REGISTERED, Directory
from workflows.models import ApiKey, Definition, Organization, OrganizationFlags

pytestmark = pytest.mark.django_db


def test_it_holds_tenants_keys_flags_and_definitions():
    environment = make_env("acme", "production", mode="on", limit=7)
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    key, _ = ApiKey.objects.create_key(name="k", env=environment, scopes=["trigger:write"], expiry_date=expires)
    Definition(slug="greet", active=False, shard_by="definition").save()
    loaded = directory.load(Directory())
    env = loaded.envs_by_slug["acme", "production"]
    assert (env.id, env.org.slug) == (environment.id, "acme")
    kept = loaded.keys[key.prefix]
    assert (kept.hashed_key, kept.env_id, kept.revoked) == (key.hashed_key, environment.id, False)
    assert (kept.scopes, kept.expires_at) == (frozenset({"trigger:write"}), expires)
    assert (loaded.flags_of(env.org.id).mode, loaded.flags_of(env.org.id).limit) == ("on", 7)
    assert (loaded.definition("greet").active, loaded.definition("greet").pinned) == (False, True)


def test_what_no_operator_touched_is_as_the_settings_and_the_code_have_it(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "LIMIT": 5, "WINDOW_MS": 6, "HOLD_MS": 7}
    environment = make_env()
    loaded = directory.load(Directory())
    rollout = loaded.rollout(environment.org_id, environment.id)
    assert (rollout.mode, rollout.effective, rollout.limits.env) == (Mode.OFF, Mode.OFF, Limit(5, 6, 7))
    assert loaded.definition("greet") is AS_REGISTERED


def test_flags_go_before_settings_and_a_percentage_of_0_enrols_nobody():
    environment = make_env("acme", "production", mode="on", percent=0, limit=1, window_ms=2, hold_ms=0)
    rollout = directory.load(Directory()).rollout(environment.org_id, environment.id)
    assert (rollout.mode, rollout.effective, rollout.limits.env) == (Mode.ON, Mode.OFF, Limit(1, 2, 0))


def test_each_level_has_its_limit_from_flags_settings_or_the_definition(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "GLOBAL_LIMIT": 1000, "ORG_LIMIT": 50, "LIMIT": 5, "WINDOW_MS": 6}
    environment = make_env("acme", "production", mode="on", hold_ms=7, org_limit=40)
    Definition(slug="greet", limit=3, window_ms=30).save()
    loaded = directory.load(Directory())
    assert loaded.rollout(environment.org_id, environment.id, "greet").limits == Limits(
        env=Limit(5, 6, 7), org=Limit(40, 1000, 7), everybody=Limit(1000, 1000, 7), definition=Limit(3, 30, 7)
    )
    assert loaded.rollout(environment.org_id, environment.id, "other").limits.definition.count == 0


def test_a_rollout_is_made_once_and_anew_under_other_settings(settings, monkeypatch):
    environment = make_env("acme", "production", mode="on")
    loaded = directory.load(Directory())
    first = loaded.rollout(environment.org_id, environment.id, "greet")
    assert loaded.rollout(environment.org_id, environment.id, "greet") is first
    settings.MOLLIFIER = {**settings.MOLLIFIER, "LIMIT": first.limits.env.count + 1}
    assert loaded.rollout(environment.org_id, environment.id, "greet").limits.env.count == first.limits.env.count + 1
    monkeypatch.setattr(directory, "MAX_ROLLOUTS", 2)
    for slug in ("one", "two", "three"):
        loaded.rollout(environment.org_id, environment.id, slug)
    assert len(loaded._rollouts) <= 2


def test_nothing_changed_costs_one_query(django_assert_num_queries):
    make_env()
    known = directory.load(Directory())
    with django_assert_num_queries(1):
        assert directory.load(known) is known


def test_only_what_changed_is_loaded():
    make_env("acme", "production")
    known = directory.load(Directory())
    Organization.objects.filter(slug="acme").update(name="changed behind the version's back")
    make_env("other", "staging", mode="shadow")
    loaded = directory.load(known)
    assert loaded.envs_by_slug["other", "staging"].org.slug == "other"
    assert loaded.envs_by_slug["acme", "production"].org.name == "Acme"


def test_a_renamed_org_is_renamed_in_its_environments():
    environment = make_env("acme", "production")
    known = directory.load(Directory())
    org = environment.org
    org.slug = "acme-two"
    org.save()
    loaded = directory.load(known)
    assert ("acme", "production") not in loaded.envs_by_slug
    assert loaded.envs[environment.id].org.slug == "acme-two"


def test_what_is_deleted_is_gone():
    environment = make_env("acme", "production", mode="on")
    key, _ = ApiKey.objects.create_key(name="k", env=environment)
    known = directory.load(Directory())
    key.delete()
    OrganizationFlags.objects.get(org=environment.org).delete()
    loaded = directory.load(known)
    assert key.prefix not in loaded.keys
    assert loaded.flags_of(environment.org_id).mode == "off"


def test_a_database_that_went_back_in_time_is_loaded_whole():
    known = directory.load(Directory())
    with transaction.atomic():
        make_env("lost", "production")
        later = directory.load(known)
        transaction.set_rollback(True)
    assert "lost" in {org.slug for org in later.orgs.values()}
    assert directory.load(later).orgs == known.orgs


def test_an_empty_database_gives_an_empty_directory():
    assert directory.load(Directory()).envs == {}
