"""Slugs for ids, ids for slugs; and ids alone while the database is away."""

from uuid import uuid4

import pytest
from django.db import OperationalError, connection

from tests.tenants import make_env
from workflows.intake.names import SlugNames


def away(*_):
    raise OperationalError("closed")


@pytest.mark.django_db
def test_orgs_and_environments_are_found_by_slug_and_by_id():
    env, other = make_env("acme", "production"), make_env("beta", "production")
    names, org = SlugNames(), str(env.org_id)
    assert names.org("acme") == names.org(org) == org
    assert names.env(org, "production") == names.env(org, str(env.id)) == str(env.id)
    assert names.env(org, str(other.id)) is None
    assert names.org("nobody") is names.org(str(uuid4())) is names.env(org, "nowhere") is None
    assert names.of_orgs([org, str(uuid4()), "gone"]) == {org: "acme"}


@pytest.mark.django_db
def test_while_the_database_is_away_what_is_said_is_an_id():
    names = SlugNames()
    with connection.execute_wrapper(away):
        assert names.org("acme") == "acme"
        assert names.env("acme", "production") == names.env(str(uuid4()), "production") == "production"
        assert names.of_orgs([str(uuid4())]) == {}
