"""Triggers for benchmarks."""

import json
import uuid

from bench import triggers
from workflows import sharding


def test_they_go_to_the_tenants_in_turn_each_on_its_shard() -> None:
    tenants = [(uuid.uuid4(), uuid.uuid4()) for _ in range(2)]
    made = triggers.make(4, tenants=tenants, shards=4)
    assert [(each.org_id, each.env_id) for each in made] == tenants * 2
    assert len({each.id for each in made}) == 4
    assert all(each.shard == sharding.shard_for(str(each.id), 4) for each in made)
    assert json.loads(made[0].payload)["order"] == "4711"
