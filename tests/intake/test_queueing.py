"""The place of a buffered instance in its queue."""

import pytest
from uuid_utils.compat import uuid7

from tests import stock, tenants
from workflows.intake import queueing

pytestmark = pytest.mark.django_db


def test_a_buffered_instance_has_its_place_and_a_row_has_none() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    first, second = stock.mollify(environment, 2)
    env = tenants.seen(environment)
    found = [queueing.find(env, id_) for id_ in (first, second, uuid7())]
    assert [place and place.ahead for place in found] == [0, 1, None]


@pytest.mark.usefixtures("no_redis")
def test_without_redis_no_place_is_known() -> None:
    assert queueing.find(tenants.seen(tenants.make_env("acme")), uuid7()) is None
