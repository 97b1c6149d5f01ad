import re
from collections import Counter

import pytest

from mollifier import keys, lua
from mollifier.decision import Binding, Scope


def test_every_key_of_a_partition_has_its_hash_tag():
    assert all(keys.key(family.name, 3).startswith("{mollifier:3}:") for family in keys.TABLE)


def test_a_family_with_ids_is_a_prefix_and_any_other_a_whole_key():
    for family in keys.TABLE:
        assert keys.key(family.name).endswith(":") is bool(family.per)


def test_no_two_families_share_a_key():
    assert set(Counter(keys.key(family.name) for family in keys.TABLE).values()) == {1}


def test_a_name_that_is_not_in_the_table_is_refused():
    with pytest.raises(KeyError):
        keys.key("nonsense")


def test_each_family_is_used_by_a_script_or_is_read_by_name():
    used = {name for script in lua.every() for name in script.keys}
    assert {family.name for family in keys.TABLE} == used


def test_an_idempotency_key_stands_as_base64url_whatever_it_holds():
    digest = keys.digest(Binding("checkout", "a b:{c}\n\u2603" * 50, "f"))
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", digest)


def test_definition_and_key_are_kept_apart():
    digests = {keys.digest(Binding(*pair, "f")) for pair in (("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc"))}
    assert len(digests) == 4


def test_a_place_is_its_org_and_environment():
    assert keys.place(Scope("acme", "prod")) == "acme/prod"


def test_with_one_partition_every_org_is_in_it():
    assert keys.partition_of("acme") == 0
