"""What the admin's pages share."""

import pytest
from django.test import RequestFactory

from workflows.admin import page


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("/admin/buffer/", "/admin/buffer/"),
        ("", "/back/"),
        ("https://elsewhere.example/", "/back/"),
        ("//elsewhere.example/", "/back/"),
        ("javascript:alert(1)", "/back/"),
    ],
)
def test_only_a_page_of_ours_is_gone_on_to(wanted: str, taken: str) -> None:
    request = RequestFactory().get("/admin/", {"next": wanted})
    assert page.next_address(request, "/back/") == taken


def test_a_verb_that_may_not_be_used_says_what_it_would_take() -> None:
    assert page.disabled("Cancel…", 'Needs "it"') == (
        '<button type="button" class="mo-button mo-small" disabled title="Needs &quot;it&quot;">Cancel…</button>'
    )
