"""What a workflow returned or raised, as values."""

import pytest

from workflows import endings
from workflows.endings import Completed, Failed
from workflows.fence import Failure
from workflows.steps import Fatal


def test_an_output_is_kept_as_json():
    assert endings.of_output({"a": [1]}) == Completed('{"a":[1]}')


@pytest.mark.parametrize("value", [object(), "\ud800"])
def test_an_output_that_is_not_json_is_a_failure(value):
    assert isinstance(endings.of_output(value), Failed)
    assert endings.of_output(value).failure.code == "output_invalid"


def test_an_error_keeps_its_own_code():
    assert endings.failure_of(Fatal("no", code="declined")) == Failure("declined", "no")


@pytest.mark.parametrize("code", [None, "", 7])
def test_an_error_without_a_code_is_named_by_its_class(code):
    error = ValueError("no")
    error.code = code
    assert endings.failure_of(error) == Failure("error", "ValueError: no")


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


class Secretive(Exception):
    @property
    def code(self):
        raise ValueError("no code")


@pytest.mark.parametrize("error", [Mute(), Secretive()])
def test_an_error_that_fails_when_it_is_asked_is_described_by_its_class(error):
    assert endings.failure_of(error) == Failure(
        "error", f"{type(error).__name__}: it raises when it is asked what it is"
    )
