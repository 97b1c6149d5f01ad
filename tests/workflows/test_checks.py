"""Settings that can't be read stop the service at boot."""

import pytest
from cryptography.fernet import Fernet

from workflows.checks import check_settings


@pytest.mark.parametrize(
    ("setting", "id_"),
    [
        ({"OUTBOUND_ALOW": "x"}, "workflows.E001"),
        ({"OUTBOUND_ALLOW": "10.0.0.0/8, http://x"}, "workflows.E002"),
        ({"SECRET_KEYS": "short"}, "workflows.E003"),
    ],
)
def test_what_is_wrong_is_an_error(settings, setting, id_) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, **setting}
    assert [message.id for message in check_settings()] == [id_]


def test_a_wrong_key_is_told_without_showing_it(settings) -> None:
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": f"{Fernet.generate_key().decode()},s3cret"}
    (message,) = check_settings()
    assert "key 2" in message.msg
    assert "s3cret" not in message.msg


def test_in_production_secrets_want_a_key_of_their_own(settings) -> None:
    assert check_settings() == []
    settings.SESSION_COOKIE_SECURE = True
    assert [message.id for message in check_settings()] == ["workflows.W001"]
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": Fernet.generate_key().decode()}
    assert check_settings() == []
