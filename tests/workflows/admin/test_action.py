"""Actions in the admin: listed, switched off and on again with a reason."""

import pytest

from tests import people
from workflows.actions import switches
from workflows.models import ActionSwitch, AuditRecord

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/actionswitch/"
SWITCH = f"{LIST}http/switch/"


@pytest.fixture(autouse=True)
def _own_switches(monkeypatch):
    monkeypatch.setattr(switches, "_known", switches._Known())


def test_every_action_is_listed_with_what_it_does() -> None:
    shown = people.vera().get(LIST).content.decode()
    assert "Send a request" in shown
    assert "Ask a model" in shown
    assert "Needs the permission to change action switches" in shown


def test_one_is_switched_off_and_on_again_with_a_reason() -> None:
    oscar = people.oscar()
    assert "action_disabled" in oscar.get(SWITCH).content.decode()
    assert oscar.post(SWITCH, {"reason": ""}).status_code == 422
    oscar.post(SWITCH, {"reason": "an incident"})
    assert switches.disabled() == {"http": "an incident"}
    shown = oscar.get(LIST).content.decode()
    assert "an incident" in shown
    assert 'aria-label="Switch http on"' in shown
    oscar.post(SWITCH, {"reason": "it is over"})
    assert switches.disabled() == {}
    records = AuditRecord.objects.order_by("id").values_list("verb", "target", "reason", "actor_name")
    assert list(records) == [
        ("switch_action_off", "http", "an incident", "oscar"),
        ("switch_action_on", "http", "it is over", "oscar"),
    ]


def test_one_that_no_code_has_any_more_is_still_shown() -> None:
    switches.switch("shop.gone", off=True, reason="an incident", actor_name="ada")
    assert "unregistered" in people.vera().get(LIST).content.decode()


def test_who_may_not_is_refused() -> None:
    assert people.vera().post(SWITCH, {"reason": "x"}).status_code == 403
    assert people.nora().get(LIST).status_code == 403
    oscar = people.oscar()
    assert oscar.get(f"{LIST}nothing/switch/").status_code == 404
    assert oscar.get(f"{LIST}http/change/")["Location"] == LIST
    assert not ActionSwitch.objects.exists()
