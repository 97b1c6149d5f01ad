"""Shards in the admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import people
from workflows.models import Shard

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/shard/"


def test_a_lane_shows_whether_its_pump_lives() -> None:
    now = timezone.now()
    Shard.objects.create(index=0, owner="here", deadline=now + timedelta(seconds=30))
    Shard.objects.create(index=1, owner="gone", deadline=now - timedelta(seconds=30))
    Shard.objects.create(index=2, max_parallelism=0)
    page = people.vera().get(LIST).content.decode()
    assert all(f">{word}<" in page for word in ("alive", "no pump", "paused"))


def test_an_operator_pauses_a_lane_and_changes_nothing_else() -> None:
    Shard.objects.create(index=0, owner="here", epoch=4)
    people.oscar().post(f"{LIST}0/change/", {"max_parallelism": "0", "owner": "me", "epoch": "9"})
    shard = Shard.objects.get()
    assert (shard.max_parallelism, shard.owner, shard.epoch) == (0, "here", 4)
