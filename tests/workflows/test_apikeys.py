import re

import pytest

from tests.tenants import make_env
from workflows.api.auth import KEY
from workflows.apikeys import ApiKeyGenerator
from workflows.models import ApiKey


def test_a_key_shows_what_it_is_and_holds_its_prefix_and_a_long_secret():
    key, prefix, _ = ApiKeyGenerator().generate()
    assert re.fullmatch(rf"mo_{prefix}_[A-Za-z0-9]{{32}}", key)
    assert len(prefix) == 8


def test_only_the_key_itself_verifies_against_its_hash():
    generator = ApiKeyGenerator()
    (key, _, hashed), (other, _, _) = generator.generate(), generator.generate()
    assert key not in hashed
    assert generator.verify(key, hashed)
    assert not any(generator.verify(wrong, hashed) for wrong in (other, key[:-1], key.lower(), hashed, ""))


@pytest.mark.django_db(transaction=True)
def test_a_stored_key_is_found_by_the_prefix_that_callers_send():
    stored, key = ApiKey.objects.create_key(name="ci", env=make_env())
    assert ApiKey.objects.get(prefix=KEY.fullmatch(key)["prefix"]) == stored
    assert stored.is_valid(key)
    assert key not in str(ApiKey.objects.values().get())
