"""The page of effective settings."""

import pytest

from tests import people

pytestmark = pytest.mark.django_db
PAGE = "/admin/settings/"


def test_settings_are_shown_and_those_that_differ_alone(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_DEPTH": 7, "SECRET_KEYS": "very-secret"}
    client = people.vera()
    page = client.get(PAGE).content.decode()
    for said in ("WORKFLOWS_MAX_DEPTH", "<strong>7</strong>", "MOLLIFIER_WINDOW_MS", "The window of the limit"):
        assert said in page
    assert "very-secret" not in page
    alone = client.get(PAGE, {"differs": "1"}).content.decode()
    assert "WORKFLOWS_MAX_DEPTH" in alone
    assert "WORKFLOWS_OUTBOUND_REDIRECTS" not in alone


def test_who_may_not_look_is_refused():
    assert people.nora().get(PAGE).status_code == 403
