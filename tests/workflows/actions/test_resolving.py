"""Secrets and blobs come in just in time, and only where they may."""

import pytest
from uuid_utils.compat import uuid7

from workflows import blobs, secrets
from workflows.actions import resolving
from workflows.actions.call import Scope
from workflows.blobs import BlobMissing, BlobTooLarge
from workflows.secrets import Author, SecretMissing
from workflows.steps import Fatal

VALUE = "sk_live_0123456789"


@pytest.fixture
def whose(env):
    secrets.create(env.org_id, env.id, "KEY", VALUE, author=Author("ada"), reason="go live")
    return Scope(org=env.org_id, env=env.id, instance=uuid7(), secrets=["/key", "/list/0/key"])


def test_a_secret_stands_where_the_definition_names_it(whose) -> None:
    given = {"key": {"$secret": "KEY", "prefix": "Bearer "}, "list": [{"key": {"$secret": "KEY"}}], "other": 1}
    resolved, redactor = resolving.resolve(given, whose)
    assert resolved == {"key": f"Bearer {VALUE}", "list": [{"key": VALUE}], "other": 1}
    assert redactor.text(VALUE) == "[secret KEY]"


@pytest.mark.parametrize("given", [{"body": {"$secret": "KEY"}}, {"list": [{"x": [{"$secret": "KEY"}]}]}])
def test_what_a_payload_brought_along_names_no_secret(whose, given) -> None:
    with pytest.raises(Fatal) as refused:
        resolving.resolve(given, whose)
    assert refused.value.code == "secret_not_declared"


def test_a_blob_that_holds_the_name_of_a_secret_is_data(whose) -> None:
    reference = blobs.spill(whose.env, whose.instance, b'{"$secret":"KEY"}')
    assert resolving.resolve({"key": reference}, whose)[0] == {"key": {"$secret": "KEY"}}


@pytest.mark.parametrize("secret", [{"$secret": 5}, {"$secret": "KEY", "prefix": 5}, {"$secret": "KEY", "x": 1}])
def test_a_secret_of_another_shape_is_refused(whose, secret) -> None:
    with pytest.raises(Fatal) as refused:
        resolving.resolve({"key": secret}, whose)
    assert refused.value.code == "arguments_invalid"


def test_a_secret_that_is_not_there_is_named(whose) -> None:
    with pytest.raises(SecretMissing, match="OTHER"):
        resolving.resolve({"key": {"$secret": "OTHER"}}, whose)


def test_an_action_names_so_many_secrets_at_most(whose) -> None:
    many = Scope(org=whose.org, env=whose.env, instance=whose.instance, secrets=[f"/{n}" for n in range(51)])
    with pytest.raises(Fatal, match="50"):
        resolving.resolve([{"$secret": f"KEY_{n}"} for n in range(51)], many)


def test_blobs_come_back_within_a_bound_for_all_of_them(whose, settings) -> None:
    reference = blobs.spill(whose.env, whose.instance, b'"0123456789"')
    assert resolving.resolve([reference, reference], whose)[0] == ["0123456789"] * 2
    settings.WORKFLOWS = {**settings.WORKFLOWS, "RESOLVED_MAX_BYTES": 20}
    with pytest.raises(BlobTooLarge):
        resolving.resolve([reference, reference], whose)


def test_another_environments_blob_is_not_there(whose) -> None:
    with pytest.raises(BlobMissing):
        resolving.resolve(blobs.spill(uuid7(), whose.instance, b"1"), whose)
