"""The operators that tests of the pages sign in as: one for each group, and one who is in none."""

from django.contrib.auth.models import Group, Permission, User
from django.test import Client

PASSWORD = "only for tests"


def make(name: str, group: str | None = None) -> User:
    person = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    if group:
        person.groups.add(Group.objects.get(name=group))
    return person


def vera() -> Client:
    """Vera watches."""
    return signed_in(make("vera", "Viewer"))


def oscar() -> Client:
    """Oscar operates."""
    return signed_in(make("oscar", "Operator"))


def ada() -> Client:
    """Ada administers."""
    return signed_in(make("ada", "Admin"))


def nora() -> Client:
    """Nora may sign in, and nothing else."""
    return signed_in(make("nora"))


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def permission(codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label="workflows", codename=codename)
