"""The form of webhooks, and how a refusal reaches it."""

import pytest

from tests import tenants
from workflows.admin.webhooking import WebhookForm, carried_out
from workflows.models import Webhook
from workflows.webhooks import WebhookRefused

pytestmark = pytest.mark.django_db


def offered(form):
    return [value for value, _ in form.fields["types"].choices]


def test_a_new_webhook_is_asked_for_its_org_and_an_old_one_for_its_version():
    new, old = WebhookForm(webhook=None), WebhookForm(webhook=Webhook())
    assert list(new.fields) == ["org", "url", "types", "reason"]
    assert list(old.fields) == ["url", "types", "enabled", "reason", "version"]


def test_an_orgs_webhook_is_offered_what_is_an_orgs():
    org = tenants.make_env().org
    assert offered(WebhookForm(webhook=Webhook(org=org))) == ["storm.opened", "storm.closed", "rollout.changed"]
    assert "gate.tripped" in offered(WebhookForm(webhook=Webhook()))
    assert "ping" not in offered(WebhookForm(webhook=None))


@pytest.mark.parametrize(("field", "place"), [("url", "url"), ("", "__all__"), ("nowhere", "__all__")])
def test_a_refusal_is_told_at_its_field_or_over_the_form(field, place):
    form = WebhookForm({}, webhook=None)
    form.full_clean()

    def refuse():
        raise WebhookRefused("no", field, "It can't be.")

    assert not carried_out(form, refuse)
    assert "It can't be." in form.errors[place]


def test_what_came_of_it_is_handed_on():
    form = WebhookForm({}, webhook=None)
    assert carried_out(form, lambda: "made") == "made"
    assert carried_out(form, lambda: None) is True
