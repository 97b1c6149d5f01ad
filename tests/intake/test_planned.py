"""Steps in words, and plans as they are read."""

import pytest

from tests.tenants import make_env
from workflows.audit import Actor
from workflows.intake import planned, plans
from workflows.intake.plans import DEFAULT_STEPS, PlanRefused, Step


def test_steps_are_read_as_they_are_written():
    assert planned.read(map(planned.written, DEFAULT_STEPS)) == list(DEFAULT_STEPS)
    spans = [planned.span(each) for each in (60, 90, 5_400, 3_600, 172_800)]
    assert spans == ["1 min", "90 s", "90 min", "1 h", "2 d"]
    assert planned.read(["on 5% 90min", "  shadow 100 1 d "]) == [Step("on", 5, 5_400), Step("shadow", 100, 86_400)]


@pytest.mark.parametrize("line", ["", "on", "on 5", "maybe 5 % 1 h", "on 5 % 1 w", "on 5 % 9999999999 d"])
def test_a_line_that_is_no_step_is_named(line):
    with pytest.raises(PlanRefused, match=r"Line 2: write it like “on 5 % 1 h”\.") as caught:
        planned.read(["on 1 % 1 h", line])
    assert (caught.value.code, caught.value.field) == ("steps_invalid", "steps")


@pytest.mark.django_db
def test_plans_are_found_by_org_and_status_newest_first():
    who = Actor("ada")
    acme, other = (make_env(slug).org for slug in ("acme", "other"))
    ended = plans.abort(plans.begin(acme.id, actor=who, reason="x").pk, actor=who, reason="not yet")
    under_way = plans.begin(acme.id, actor=who, reason="again")
    his = plans.begin(other.id, actor=who, reason="him")
    assert [each.pk for each in planned.listing(None, None, 10)] == [his.pk, under_way.pk, ended.pk]
    assert [each.pk for each in planned.listing(acme.id, under_way.pk, 10)] == [ended.pk]
    assert [each.pk for each in planned.listing(acme.id, None, 10, ("running",))] == [under_way.pk]
    assert planned.find(his.pk, acme.id) is None
    assert [each.kind for each in planned.events(ended)] == ["begun", "aborted"]
