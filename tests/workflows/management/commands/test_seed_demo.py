"""The seed_demo command."""

import json

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from workflows.models import ApiKey, Environment

pytestmark = pytest.mark.django_db


def seed(capsys) -> dict:
    call_command("seed_demo")
    return json.loads(capsys.readouterr().out)


def test_the_demo_org_its_user_and_its_keys_are_made(capsys):
    made = seed(capsys)
    assert authenticate(username=made["admin_user"], password=made["admin_password"]).is_superuser
    assert set(Environment.objects.values_list("org__slug", "slug")) == {("demo", "production"), ("demo", "staging")}
    for env in ("production", "staging"):
        key = ApiKey.objects.get(prefix=made[f"api_key_{env}"].split("_")[1])
        assert (key.env.slug, "flags:write" in key.scopes) == (env, True)


def test_a_second_time_makes_nothing_and_tells_no_secret(capsys):
    seed(capsys)
    again = seed(capsys)
    assert again["org"] == "demo"
    assert [again[name] for name in ("admin_password", "api_key_production", "api_key_staging")] == [None] * 3
    assert ApiKey.objects.count() == 2
