"""A few viewers for a moment."""

import pytest

from bench import viewers
from dashboard.queries import shared


@pytest.mark.django_db(transaction=True)
def test_every_viewer_is_answered_and_they_share_what_is_read(live_server, monkeypatch) -> None:
    monkeypatch.setattr(viewers, "VIEWERS", 3)
    monkeypatch.setattr(viewers, "WARM_SECONDS", 0.1)
    shared.forget()
    answers, p99, builds = viewers.watching(live_server.url, 0.3)
    assert [each.id for each in (answers, p99, builds)] == ["B14.viewers", "B14.viewers_p99", "B14.builds"]
    assert answers.ours > builds.ours
