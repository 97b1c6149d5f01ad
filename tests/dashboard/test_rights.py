"""Who may open what: every page and every verb of the operator pages, as Viewer, Operator and Admin."""

import re
from html import unescape
from itertools import chain

import pytest
from django.urls import resolve

from tests import pages, people
from tests.everything import known
from tests.pages import NOBODY, Role

__all__ = ["known"]

pytestmark = pytest.mark.django_db
LINK = re.compile(r'href="(/admin/[^"#]*)')
LEAST = {each.name: each.least for each in chain(pages.PAGES, pages.VERBS, pages.PARTS)}
# What no form takes: it has neither a reason nor a number.
NONSENSE = {"reason": "", "limit": "many"}


def test_every_address_has_a_row_in_the_table_of_pages() -> None:
    assert pages.names() == LEAST.keys() | pages.FRAME


def sign_in(role: Role):
    return (people.nora, people.vera, people.oscar, people.ada)[role]()


@pytest.mark.parametrize("role", [pages.ANYBODY, pages.VIEWER, pages.OPERATOR, pages.ADMIN])
def test_every_page_and_verb_opens_for_who_may_only_and_links_to_nothing_that_does_not(known, role) -> None:
    client = sign_in(role)
    for each in chain(pages.PAGES, pages.VERBS, pages.PARTS):
        address = each.address(known)
        answer = client.get(address)
        links = [] if answer.streaming else LINK.findall(answer.content.decode())
        status = each.answers if role >= each.least else 403
        assert (address, answer.status_code) == (address, status)
        assert (address, [link for link in links if least_for(link) > role]) == (address, [])


@pytest.mark.parametrize("role", [pages.ANYBODY, pages.VIEWER, pages.OPERATOR, pages.ADMIN])
def test_the_server_refuses_every_verb_to_who_may_not_and_asks_the_others_why(known, role) -> None:
    client = sign_in(role)
    for each in pages.VERBS:
        address = each.address(known)
        status = 422 if role >= each.least else 403
        assert (address, client.post(address, NONSENSE).status_code) == (address, status)


def least_for(link: str) -> Role:
    return LEAST.get(resolve(unescape(link).partition("?")[0]).view_name, Role.ANYBODY)


@pytest.mark.parametrize("role", [pages.VIEWER, pages.OPERATOR])
def test_a_verb_that_may_not_be_used_is_shown_disabled_where_the_page_is(known, role) -> None:
    client, admin = sign_in(role), people.ada()
    enabled = []
    for each in pages.VERBS:
        if each.least > role >= LEAST[each.at]:
            place = each.place(known)
            label = labelled(admin.get(place).content.decode(), each.address(known))
            if not disabled(client.get(place).content.decode(), label):
                enabled.append((each.name, label))
    assert enabled == []


def labelled(page: str, address: str) -> str:
    """Return the words of the button that leads to an address."""
    found = re.search(rf'href="{re.escape(address)}[^>]*>([^<]+)</a>', page)
    return found.group(1) if found else f"no button to {address}"


def disabled(page: str, label: str) -> bool:
    return re.search(rf"<button[^>]*disabled[^>]*>{re.escape(label)}</button>", page) is not None


def test_who_is_not_signed_in_is_sent_to_sign_in(known, client) -> None:
    for each in chain(pages.PAGES, pages.VERBS, pages.PARTS):
        answer = client.get(each.address(known))
        assert (each.name, answer.status_code) == (each.name, 302)
        assert "/admin/login/" in answer["Location"]


def test_nobody_deletes_a_row_by_hand(known) -> None:
    client = people.ada()
    for each in pages.PAGES:
        if each.least is NOBODY:
            assert (each.name, client.post(each.address(known), {"post": "yes"}).status_code) == (each.name, 403)
