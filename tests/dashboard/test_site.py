"""What the admin site shows and hides."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User

from dashboard import site
from tests import people

pytestmark = pytest.mark.django_db


def test_tables_of_unused_libraries_are_hidden() -> None:
    assert not any(admin.site.is_registered(apps.get_model(label)) for label in site.HIDDEN)
    assert admin.site.is_registered(User)


def test_navigation_shows_what_one_may_see() -> None:
    watcher = people.vera().get("/admin/").content.decode()
    administrator = people.ada().get("/admin/").content.decode()
    assert ">Buffer<" in watcher
    assert ">API keys<" not in watcher
    assert ">API keys<" in administrator


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/buffer/", "/admin/workflows/organization/", "/admin/auth/user/"]
)
def test_a_page_names_no_other_host(address: str) -> None:
    page = people.ada().get(address).content.decode()
    fetched = re.findall(r"""(?:src|href|action|data-live)=["']([^"']+)""", page)
    assert fetched
    assert [each for each in fetched if re.match(r"(https?:)?//", each)] == []
