"""Pages of a list: each row once, and a cursor as long as more is below."""

import pytest

from tests.bound import bind
from workflows.intake import paging
from workflows.models import Binding

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("limit", "lengths"), [(1, [1, 1, 1, 1]), (3, [3, 1]), (4, [4]), (5, [4])])
def test_each_row_stands_on_one_page_newest_first(limit, lengths):
    made = [bind(f"a{number}") for number in range(4)]
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = paging.newest(Binding.objects.all(), cursor, limit)
        pages.append(page.data)
        cursor = page.next_cursor
    assert [len(each) for each in pages] == lengths
    assert [row for each in pages for row in each] == made[::-1]


def test_an_empty_list_has_no_page_below():
    assert paging.newest(Binding.objects.all(), None, 3) == paging.Page((), None)
