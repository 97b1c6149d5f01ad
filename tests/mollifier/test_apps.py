from django.core.checks.registry import registry

from mollifier import checks


def test_the_checks_run_at_boot():
    assert {checks.check_settings, checks.check_redis} <= set(registry.get_checks())
