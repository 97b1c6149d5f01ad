"""A secret in memory shows itself to nobody, and is taken out of what comes back."""

import base64
import copy
import json
import pickle
import traceback
from urllib.parse import quote

import msgspec
import pytest

from workflows.redaction import Redactor, Secret

VALUE = 's3cret/"key"+ä=='


def test_no_way_of_showing_a_secret_shows_its_value() -> None:
    secret = Secret(VALUE, "STRIPE_KEY")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>30}", repr([secret]), repr({"a": secret})]
    assert all(VALUE not in each and "STRIPE_KEY" in each for each in shown)
    assert repr(Secret(VALUE)) == "<secret>"
    assert secret.reveal() == VALUE


@pytest.mark.parametrize("show", [json.dumps, msgspec.json.encode, msgspec.to_builtins, pickle.dumps, copy.copy, vars])
def test_what_would_write_a_secret_refuses_to(show) -> None:
    with pytest.raises((TypeError, NotImplementedError)) as refused:
        show(Secret(VALUE, "STRIPE_KEY"))
    assert VALUE not in str(refused.value)


def test_a_traceback_with_locals_shows_none() -> None:
    def fail(secret: Secret) -> None:
        raise RuntimeError(f"with {secret}")

    try:
        fail(Secret(VALUE, "STRIPE_KEY"))
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "STRIPE_KEY" in shown
    assert "s3cret" not in shown


def test_secrets_compare_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE, "OTHER")
    assert Secret(VALUE) != Secret("another one")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1


def test_a_value_is_found_as_it_is_and_as_others_encode_it() -> None:
    redactor = Redactor([Secret(VALUE, "KEY")])
    raw = VALUE.encode()
    for form in (
        VALUE,
        quote(VALUE, safe=""),
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    ):
        assert "[secret KEY]" in redactor.text(f"<{form}>")
        assert "s3cret" not in redactor.text(f"<{form}>")


def test_it_is_found_in_values_keys_and_numbers() -> None:
    redactor = Redactor([Secret("1234567890", "PIN")])
    value = {"a": ["x1234567890y", 1234567890, 12, None, True], "1234567890": {"b": 1.5}}
    assert redactor.value(value) == {
        "a": ["x[secret PIN]y", "[secret PIN]", 12, None, True],
        "[secret PIN]": {"b": 1.5},
    }
    assert "1234567890" not in repr(redactor)


def test_a_secret_that_holds_another_one_leaves_nothing_of_itself() -> None:
    redactor = Redactor([Secret("password", "SHORT"), Secret("password-and-more", "LONG")])
    assert redactor.text("password-and-more password") == "[secret LONG] [secret SHORT]"


def test_without_secrets_a_result_is_handed_on_as_it_is() -> None:
    value = {"a": [1, 2]}
    assert Redactor().value(value) is value
