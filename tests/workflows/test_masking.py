"""What is hidden by its name or its form, and what is not."""

import pytest

from workflows import masking
from workflows.masking import MASK


@pytest.mark.parametrize(
    "name",
    [
        *("password", "user_password", "newPassword", "DB_PASSWD", "token", "accessToken", "X-Auth-Token", "secret"),
        *("Authorization", "proxy-authorization", "api_key", "apiKey", "APIKey", "x-api-key", "privateKey"),
        *("Set-Cookie", "credentials", "client.secret", "jwt"),
    ],
)
def test_names_of_secrets_are_known_however_they_are_written(name: str) -> None:
    assert masking.value({name: "hunter2"}) == {name: MASK}


@pytest.mark.parametrize(
    "name", ["key", "author", "tokens", "max_tokens", "total_tokens", "monkey", "passenger", "secretary", "42", ""]
)
def test_names_that_only_look_alike_are_left(name: str) -> None:
    assert masking.value({name: "x"}) == {name: "x"}


def test_all_that_stands_below_such_a_name_is_hidden() -> None:
    found = {"a": [{"credentials": {"user": "ada", "parts": [1, 2]}}, {"token": 1234}]}
    assert masking.value(found) == {"a": [{"credentials": MASK}, {"token": MASK}]}


def test_that_there_is_none_is_no_secret_nor_is_the_name_of_one() -> None:
    found = {"token": None, "secret": True, "authorization": {"$secret": "STRIPE_KEY"}}
    assert masking.value(found) == found


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("401 for Bearer abcdef123456", f"401 for Bearer {MASK}"),
        ("sent basic dXNlcjpwYXNz==", f"sent basic {MASK}"),
        ("postgres://ada:lovelace@db:5432/x", f"postgres://{MASK}@db:5432/x"),
        ("https://example.org/a:b@c", "https://example.org/a:b@c"),
        ("a bearer of news", "a bearer of news"),
    ],
)
def test_credentials_in_a_text_are_hidden(said: str, shown: str) -> None:
    assert masking.value([said]) == [shown]
