"""Staff with roles, for tests."""

from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from staff import roles
from tests.factories import UserFactory


def somebody(*names: str) -> User:
    """One of the staff with these roles."""
    roles.load()
    user = UserFactory(is_staff=True)
    user.groups.set(Group.objects.filter(name__in=names))
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
