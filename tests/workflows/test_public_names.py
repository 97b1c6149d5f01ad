import pytest

import workflows


@pytest.mark.parametrize("name", ["Fatal", "Retryable", "step", "workflow"])
def test_what_flows_need_is_importable_from_the_package(name):
    assert getattr(workflows, name).__name__ == name


def test_any_other_name_is_missing():
    with pytest.raises(AttributeError, match="emitt"):
        workflows.emitt  # noqa: B018
