"""What the app sets up when it is loaded."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management.sql import emit_post_migrate_signal

from dashboard import roles


def test_the_overview_is_the_index_of_the_admin() -> None:
    assert admin.site.index_template == "dashboard/overview.html"


@pytest.mark.django_db
def test_a_migration_makes_the_groups_that_are_missing() -> None:
    Group.objects.all().delete()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)
