"""Tenants' secrets: encrypted, bound to their place, changed with a reason that is kept."""

import pytest
from cryptography.fernet import Fernet
from uuid_utils.compat import uuid7

from tests.tenants import make_env
from workflows import models, secrets
from workflows.models import SecretChange
from workflows.secrets import Author, SecretMissing, SecretRefused, SecretUnreadable

pytestmark = pytest.mark.django_db
VALUE = "sk_live_0123456789"
ADA = Author("ada")


def create(env, name="STRIPE_KEY", value=VALUE, *, of_org=False):
    return secrets.create(env.org_id, None if of_org else env.id, name, value, author=ADA, reason="go live")


def test_a_secret_is_kept_encrypted_and_resolved_for_its_environment() -> None:
    env = make_env()
    row = create(env)
    assert VALUE not in row.ciphertext
    found = secrets.resolve(env.org_id, env.id, {"STRIPE_KEY"})
    assert found["STRIPE_KEY"].reveal() == VALUE
    assert VALUE not in repr(found)


def test_the_environments_goes_before_the_orgs_and_no_others_is_seen(django_assert_num_queries) -> None:
    env, other = make_env(), make_env("globex")
    create(env, value="of the whole org", of_org=True)
    staging = models.Environment.objects.create(org=env.org, slug="staging")
    create(env, value="of production")
    with django_assert_num_queries(1):
        assert secrets.resolve(env.org_id, env.id, {"STRIPE_KEY"})["STRIPE_KEY"].reveal() == "of production"
    assert secrets.resolve(env.org_id, staging.id, {"STRIPE_KEY"})["STRIPE_KEY"].reveal() == "of the whole org"
    with pytest.raises(SecretMissing, match="STRIPE_KEY"):
        secrets.resolve(other.org_id, other.id, {"STRIPE_KEY"})


def test_nothing_is_asked_for_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert secrets.resolve(uuid7(), uuid7(), set()) == {}


def test_each_change_says_who_when_and_why_and_never_what() -> None:
    env = make_env()
    row = create(env)
    secrets.rotate(row.id, "sk_live_9876543210", author=ADA, reason="the laptop is lost")
    assert secrets.resolve(env.org_id, env.id, ["STRIPE_KEY"])["STRIPE_KEY"].reveal() == "sk_live_9876543210"
    secrets.delete(row.id, author=Author("command"), reason="no longer used")
    changes = list(SecretChange.objects.order_by("id"))
    assert [(change.verb, change.actor_name, change.reason) for change in changes] == [
        ("created", "ada", "go live"),
        ("rotated", "ada", "the laptop is lost"),
        ("deleted", "command", "no longer used"),
    ]
    assert all("sk_live" not in str(vars(change)) for change in changes)
    assert not models.Secret.objects.exists()


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"name": "1st"}, "name_invalid", "name"),
        ({"name": "a b"}, "name_invalid", "name"),
        ({"value": "short"}, "value_invalid", "value"),
        ({"value": "x" * 20_000}, "value_invalid", "value"),
        ({"reason": "  "}, "reason_missing", "reason"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_field(change, code, field) -> None:
    env = make_env()
    given = {"name": "STRIPE_KEY", "value": VALUE, "reason": "go live"} | change
    with pytest.raises(SecretRefused) as refused:
        secrets.create(env.org_id, env.id, **given, author=ADA)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert VALUE not in str(refused.value)


@pytest.mark.parametrize("of_org", [False, True])
def test_a_name_is_taken_once_in_each_place(of_org) -> None:
    env = make_env()
    create(env, of_org=of_org)
    with pytest.raises(SecretRefused) as refused:
        create(env, of_org=of_org)
    assert refused.value.code == "exists"
    create(env, of_org=not of_org)


def test_what_is_gone_is_not_changed() -> None:
    with pytest.raises(SecretRefused) as refused:
        secrets.rotate(uuid7(), VALUE, author=ADA, reason="why")
    assert refused.value.code == "not_found"


def test_a_ciphertext_that_is_copied_to_another_place_does_not_decrypt() -> None:
    env, other = make_env(), make_env("globex")
    stolen = create(env).ciphertext
    models.Secret.objects.create(org=other.org, env=other, name="STRIPE_KEY", ciphertext=stolen)
    with pytest.raises(SecretUnreadable):
        secrets.resolve(other.org_id, other.id, {"STRIPE_KEY"})


def test_keys_change_over_and_only_then_the_old_one_goes(settings) -> None:
    env = make_env()
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    create(env, name="OF_DERIVED")

    def use(keys: str) -> None:
        settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": keys}

    use(old)
    create(env, name="OF_OLD")
    both = {"OF_DERIVED", "OF_OLD"}
    assert secrets.resolve(env.org_id, env.id, both).keys() == both
    use(f"{new}, {old}")
    assert secrets.encrypt_again() == 2
    use(new)
    settings.SECRET_KEY = "another one"
    assert secrets.resolve(env.org_id, env.id, both).keys() == both


def test_without_its_key_a_secret_is_unreadable_and_says_what_to_do(settings) -> None:
    env = make_env()
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": Fernet.generate_key().decode()}
    create(env)
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": Fernet.generate_key().decode()}
    with pytest.raises(SecretUnreadable, match="WORKFLOWS_SECRET_KEYS"):
        secrets.resolve(env.org_id, env.id, {"STRIPE_KEY"})
