"""Bindings in the admin."""

import pytest

from tests import people
from tests.bound import bind, emitted
from tests.tenants import make_env
from workflows.intake import events, refresher
from workflows.models import AuditRecord, Binding

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/binding/"
FORM = {"pattern": "order.*", "definition": "greet", "loop_policy": "avoid_loop", "enabled": "on", "reason": "launch"}


def test_an_operator_makes_a_binding_that_is_at_work_at_once():
    env = make_env()
    client = people.oscar()
    answer = client.post(f"{LIST}add/", FORM | {"condition": "payload.total > 100", "limit": 7, "org": str(env.org_id)})
    assert answer.status_code == 302
    binding = Binding.objects.get()
    assert (binding.condition, binding.limit, binding.org_id) == ("payload.total > 100", 7, env.org_id)
    assert refresher.current().bindings.by_id[binding.id].enabled
    record = AuditRecord.objects.get()
    assert (record.verb, record.reason, record.actor.get_username()) == ("make_binding", "launch", "oscar")
    page = client.get(LIST).content.decode()
    assert "order.* -&gt; greet" in page
    assert "7 live" in page


@pytest.mark.parametrize(
    "wrong",
    [{"pattern": "*"}, {"condition": "total > 1"}, {"loop_policy": "x"}, {"limit": "many"}, {"reason": ""}],
)
def test_what_is_no_binding_is_told_at_its_field(wrong):
    answer = people.oscar().post(f"{LIST}add/", FORM | wrong)
    assert answer.status_code == 200
    assert set(answer.context["adminform"].form.errors) == set(wrong)
    assert Binding.objects.count() == AuditRecord.objects.count() == 0


def test_an_environment_of_another_org_is_refused():
    env, other = make_env("acme"), make_env("other")
    answer = people.oscar().post(f"{LIST}add/", FORM | {"org": str(other.org_id), "env": str(env.id)})
    assert "env" in answer.context["adminform"].form.errors


def test_one_is_changed_but_not_what_it_is_for():
    binding = bind("order.*")
    client = people.oscar()
    assert client.get(f"{LIST}{binding.pk}/change/").status_code == 200
    client.post(f"{LIST}{binding.pk}/change/", FORM | {"pattern": "x.*", "condition": "payload.n == 1", "enabled": ""})
    binding.refresh_from_db()
    assert (binding.pattern, binding.condition, binding.enabled) == ("order.*", "payload.n == 1", False)


def test_one_is_switched_off_with_a_reason_and_stays_off():
    env = make_env()
    binding = bind("order.created")
    client = people.oscar()
    address = f"{LIST}{binding.pk}/switch/"
    assert "Switch off order.created" in client.get(address).content.decode()
    assert client.post(address, {"reason": ""}).status_code == 422
    client.post(address, {"reason": "it loops"})
    assert events.submit_matching(emitted(env)) == []
    assert AuditRecord.objects.get().verb == "disable_binding"
    client.post(address, {"reason": "mended"})
    assert len(events.submit_matching(emitted(env))) == 1


def test_a_page_says_what_an_event_would_start():
    make_env()
    bind("order.*", condition="payload.total > 100")
    bind("order.created", definition="nowhere")
    client = people.vera()
    asked = {"env": "acme/production", "type": "order.created", "payload": '{"total": 7}'}
    page = client.get(f"{LIST}try/", asked).content.decode()
    assert "its condition does not hold" in page
    assert "There is no definition" in page
    assert ">starts<" in client.get(f"{LIST}try/", asked | {"payload": '{"total": 700}'}).content.decode()
    nothing = client.get(f"{LIST}try/", asked | {"type": "a"}).content.decode()
    assert "No binding of this environment has a pattern that matches." in nothing
    for wrong in ({"env": "acme/nowhere"}, {"payload": "{"}, {"type": "a b"}):
        assert client.get(f"{LIST}try/", asked | wrong).status_code == 422
    assert client.get(f"{LIST}try/").status_code == 200


def test_a_viewer_changes_nothing():
    binding = bind("order.*")
    client = people.vera()
    assert "Needs the permission to change bindings" in client.get(LIST).content.decode()
    assert client.post(f"{LIST}{binding.pk}/switch/", {"reason": "x"}).status_code == 403
    assert client.post(f"{LIST}add/", FORM).status_code == 403
    assert people.nora().get(f"{LIST}try/").status_code == 403
    assert people.oscar().get(f"{LIST}00000000-0000-0000-0000-000000000000/switch/").status_code == 404
