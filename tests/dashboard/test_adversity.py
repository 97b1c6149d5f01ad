"""Every page while Redis is away, and before there is anything to show."""

import re
from itertools import chain

import pytest

from tests import pages, people
from tests.everything import known

__all__ = ["known"]

pytestmark = pytest.mark.django_db
SHOWN = [each for each in chain(pages.PAGES, pages.VERBS, pages.PARTS) if each.least < pages.NOBODY]
NO_REDIS = "Redis does not answer"
# What shows something that only Redis knows.
NEED_REDIS = (
    "admin:index",
    "dashboard:buffer",
    "dashboard:live",
    "admin:workflows_organization_changelist",
    "admin:workflows_organization_change",
)
# What the code of the service itself puts into a list.
NEVER_EMPTY = ("admin:workflows_actionswitch_changelist", "admin:workflows_definition_changelist")


def text(page: str) -> str:
    """Return what a page shows below its navigation, without marks."""
    main = page.partition('id="content"')[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).strip()


@pytest.fixture
def without_redis(known, request):
    """Have one of everything, and then no Redis."""
    request.getfixturevalue("no_redis")
    return known


def test_every_page_answers_while_redis_is_away_and_says_so_where_it_matters(without_redis) -> None:
    ada = people.ada()
    for each in SHOWN:
        answer = ada.get(each.address(without_redis))
        assert (each.name, answer.status_code) == (each.name, each.answers)
        if each.name in NEED_REDIS or ("waiting" in each.given and not each.at):
            assert (each.name, NO_REDIS in answer.content.decode()) == (each.name, True)


def test_every_list_says_what_would_appear_in_it() -> None:
    ada = people.ada()
    lists = [each for each in pages.PAGES if re.match("admin:workflows_.*_changelist", each.name) and not each.query]
    for each in lists:
        shown = text(ada.get(each.address({})).content.decode())
        if each.name not in NEVER_EMPTY:
            assert (each.name, re.search(r"No [\w ]*\byet\b", shown) is not None) == (each.name, True)
