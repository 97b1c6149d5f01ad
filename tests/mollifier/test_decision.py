import pytest

from mollifier.decision import Limit, Mode, Rollout, Scope


@pytest.mark.parametrize("bad", ["", "a b", "a:b", "a/b", "a{b}", "\u2603", "x" * 65, "a\n"])
def test_a_scope_takes_only_what_may_stand_in_a_key(bad):
    with pytest.raises(ValueError, match="can't be part of a scope"):
        Scope(bad, "env")
    with pytest.raises(ValueError, match="can't be part of a scope"):
        Scope("org", bad)


def test_a_uuid_is_a_scope():
    assert Scope("0190a5c0-7d54-7abc-8def-0123456789ab", "production").env == "production"


@pytest.mark.parametrize("mode", list(Mode))
def test_an_environment_that_is_not_enrolled_is_off(mode):
    limit = Limit(1, 1, 1)
    assert Rollout(mode, True, limit).effective is mode
    assert Rollout(mode, False, limit).effective is Mode.OFF
