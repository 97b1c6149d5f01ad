"""Shards in the admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import people, stock, tenants
from workflows.models import AuditRecord, Shard

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/shard/"


def test_a_lane_shows_whether_its_pump_lives() -> None:
    now = timezone.now()
    Shard.objects.create(index=0, owner="here", deadline=now + timedelta(seconds=30))
    Shard.objects.create(index=1, owner="gone", deadline=now - timedelta(seconds=30))
    Shard.objects.create(index=2, max_parallelism=0)
    page = people.vera().get(LIST).content.decode()
    assert all(f">{word}<" in page for word in ("alive", "no pump", "paused"))


def test_a_lane_shows_its_depth_lag_and_share_against_the_mean() -> None:
    env, past = tenants.make_env(), timezone.now() - timedelta(minutes=2)
    for index in range(2):
        Shard.objects.create(index=index)
    for shard in (0, 0, 0, 1):
        stock.make_instance(env, shard=shard, wake_at=past)
    page = people.vera().get(LIST).content.decode()
    for shown in ("75 %", "25 %", "1.5 times", "0.5 times", "2 min"):
        assert shown in page, shown


def test_without_a_pump_the_page_says_what_would_appear() -> None:
    assert "No pump has run yet" in people.vera().get(LIST).content.decode()


def test_a_lane_is_paused_and_resumed_as_it_was_with_reasons_that_are_kept() -> None:
    Shard.objects.create(index=0, owner="here", epoch=4, max_parallelism=70)
    client = people.oscar()
    assert client.post(f"{LIST}0/pause/", {"reason": ""}).status_code == 422
    client.post(f"{LIST}0/pause/", {"reason": "the mail server is down", "owner": "me", "epoch": "9"})
    shard = Shard.objects.get()
    assert (shard.max_parallelism, shard.owner, shard.epoch) == (0, "here", 4)
    assert "the mail server is down" in client.get(LIST).content.decode()
    assert 'value="70"' in client.get(f"{LIST}0/resume/").content.decode()
    assert client.post(f"{LIST}0/resume/", {"max_parallelism": "0", "reason": "x"}).status_code == 422
    client.post(f"{LIST}0/resume/", {"max_parallelism": "70", "reason": "it is up"})
    assert Shard.objects.get().max_parallelism == 70
    told = AuditRecord.objects.order_by("id").values_list("verb", "reason", "actor_name", "detail")
    assert list(told) == [
        ("pause_shard", "the mail server is down", "oscar", {"before": 70, "after": 0}),
        ("resume_shard", "it is up", "oscar", {"before": 0, "after": 70}),
    ]


def test_parallelism_is_changed_within_bounds() -> None:
    Shard.objects.create(index=0)
    client = people.oscar()
    for wrong in ("-1", "10001", "many"):
        assert client.post(f"{LIST}0/change/", {"max_parallelism": wrong, "reason": "x"}).status_code == 422
    page = client.post(f"{LIST}0/change/", {"max_parallelism": "50", "reason": "slow disk"}, follow=True)
    assert "runs 50 steps at once; before it was 200" in page.content.decode()
    page = client.post(f"{LIST}0/change/", {"max_parallelism": "50", "reason": "again"}, follow=True)
    assert "Nothing was changed" in page.content.decode()
    assert AuditRecord.objects.count() == 1


def test_a_viewer_may_change_nothing() -> None:
    Shard.objects.create(index=0)
    client = people.vera()
    assert "Needs the permission to change shards" in client.get(LIST).content.decode()
    for verb in ("change", "pause", "resume"):
        assert client.post(f"{LIST}0/{verb}/", {"max_parallelism": "1", "reason": "x"}).status_code == 403
    assert people.nora().get(LIST).status_code == 403


def test_a_lane_that_is_not_there_is_not_found() -> None:
    client = people.oscar()
    for address in ("7/change/", "7/pause/", "99999999999/change/", "x/change/"):
        assert client.get(f"{LIST}{address}").status_code == 404


def test_the_page_costs_few_queries(django_assert_max_num_queries) -> None:
    for index in range(4):
        Shard.objects.create(index=index)
    client = people.vera()
    with django_assert_max_num_queries(14):
        client.get(LIST)
