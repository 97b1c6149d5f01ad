"""Webhooks in the admin: the secret is shown once, each write says why, and each role may what is its own."""

import re

import pytest
from django.utils import timezone

from tests import people, receivers, tenants
from tests.outside import Outside
from workflows import webhooks
from workflows.models import AuditRecord, Delivery, Webhook

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/workflows/webhook/", "/admin/workflows/webhook/add/"
ELSEWHERE = Outside(port=1)


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}


@pytest.fixture
def env():
    return tenants.make_env("acme")


def form(**fields):
    return {
        "org": "",
        "url": "https://hooks.example/T0/secret-path",
        "types": ["storm.opened"],
        "reason": "on call",
        **fields,
    }


def shown(answer):
    return answer.content.decode()


def secret_in(answer):
    return re.search(r"whsec_[\w+/=]+", shown(answer)).group()


def address(made, verb):
    return f"{LIST}{made.webhook.pk}/{verb}/"


def test_a_webhook_is_made_and_its_secret_is_shown_this_once(env) -> None:
    ada = people.ada()
    answer = ada.post(ADD, form(org=str(env.org_id), types=["storm.opened", "rollout.changed"]))
    secret = secret_in(answer)
    assert "no-store" in answer["Cache-Control"]
    row = Webhook.objects.get()
    assert webhooks.reveal(row, timezone.now()) == [secret]
    assert (row.org_id, row.types) == (env.org_id, ["storm.opened", "rollout.changed"])
    listed = shown(ada.get(LIST))
    assert "https://hooks.example/…" in listed
    assert "acme" in listed
    for hidden in ("whsec_", "secret-path", row.ciphertext):
        assert hidden not in listed
    assert "whsec_" not in shown(ada.get(f"{LIST}{row.pk}/change/"))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"url": "http://10.0.0.1/"}, "is private"),
        ({"url": ""}, "This field is required"),
        ({"types": []}, "Choose at least one of"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_a_form_with_errors_says_which_field_is_at_fault(fields, told) -> None:
    answer = people.ada().post(ADD, form(**fields))
    assert (answer.status_code, Webhook.objects.count()) == (422, 0)
    assert told in shown(answer)


def test_an_org_is_not_offered_what_is_of_the_service(env) -> None:
    ada = people.ada()
    answer = ada.post(ADD, form(org=str(env.org_id), types=["gate.tripped"]))
    assert "webhooks of the whole service alone" in shown(answer)
    made = receivers.make(ELSEWHERE, env.org_id)
    assert "gate.tripped" not in shown(ada.get(f"{LIST}{made.webhook.pk}/change/"))


def test_a_webhook_is_changed_under_the_version_that_was_seen() -> None:
    made, ada = receivers.make(ELSEWHERE, types=["storm.opened"]), people.ada()
    change = address(made, "change")
    assert made.webhook.url in shown(ada.get(change))
    fields = form(types=["storm.closed"], version="1")
    ada.post(change, fields)
    row = Webhook.objects.get()
    assert (row.types, row.enabled, row.version) == (["storm.closed"], False, 2)
    answer = ada.post(change, fields)
    assert answer.status_code == 422
    assert "It was changed meanwhile" in shown(answer)


def test_a_rotated_secret_is_shown_once_too() -> None:
    made, ada = receivers.make(ELSEWHERE), people.ada()
    assert "for 1 d" in shown(ada.get(address(made, "rotate")))
    assert ada.post(address(made, "rotate"), {"reason": ""}).status_code == 422
    secret = secret_in(ada.post(address(made, "rotate"), {"reason": "it leaked"}))
    assert webhooks.reveal(Webhook.objects.get(), timezone.now()) == [secret, made.secret]


def test_a_ping_is_sent_and_leads_to_its_deliveries() -> None:
    made, oscar = receivers.make(ELSEWHERE), people.oscar()
    answer = oscar.post(address(made, "ping"), {"reason": "try it"}, follow=True)
    assert Delivery.objects.get().type == "ping"
    assert "A ping is on its way" in shown(answer)
    assert answer.request["PATH_INFO"] == "/admin/workflows/delivery/"


def test_a_ping_that_is_refused_is_told_in_the_form() -> None:
    made = receivers.make(ELSEWHERE, enabled=False)
    answer = people.oscar().post(address(made, "ping"), {"reason": "try it"})
    assert answer.status_code == 422
    assert "switched off" in shown(answer)


def test_a_webhook_is_deleted_with_a_reason() -> None:
    made, ada = receivers.make(ELSEWHERE), people.ada()
    assert ada.post(address(made, "forget"), {"reason": ""}).status_code == 422
    ada.post(address(made, "forget"), {"reason": "moved away"})
    assert not Webhook.objects.exists()
    record = AuditRecord.objects.first()
    assert (record.verb, record.reason, record.actor_name) == ("delete_webhook", "moved away", "ada")
    assert ada.get(address(made, "forget")).status_code == 404
    assert ada.get(address(made, "change")).status_code == 404


def test_one_that_the_service_switched_off_says_why() -> None:
    made = receivers.make(ELSEWHERE, enabled=False)
    Webhook.objects.update(disabled_because="The receiver answered 410 Gone.")
    ada = people.ada()
    assert "410 Gone" in shown(ada.get(LIST))
    assert "410 Gone" in shown(ada.get(address(made, "change")))
    assert "Ping…" not in shown(ada.get(LIST))


def test_an_operator_pings_and_changes_nothing() -> None:
    made, oscar = receivers.make(ELSEWHERE), people.oscar()
    listed = shown(oscar.get(LIST))
    assert "Ping…" in listed
    assert address(made, "rotate") not in listed
    answers = [oscar.get(ADD), *(oscar.get(address(made, verb)) for verb in ("change", "rotate", "forget"))]
    answers += [oscar.post(address(made, verb), form(version="1")) for verb in ("change", "rotate", "forget")]
    assert {answer.status_code for answer in answers} == {403}
    assert Webhook.objects.get().version == 1


def test_who_may_only_look_sees_what_it_would_take() -> None:
    made = receivers.make(ELSEWHERE)
    nina = people.make("nina")
    nina.user_permissions.add(people.permission("view_webhook"))
    looking = people.signed_in(nina)
    listed = shown(looking.get(LIST))
    assert "Needs the permissions to change and delete webhooks" in listed
    assert address(made, "ping") not in listed
    assert looking.get(address(made, "ping")).status_code == 403
    assert people.nora().get(LIST).status_code == 403
