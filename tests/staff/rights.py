"""Members of staff who may do what a test says, and nothing else."""

from django.contrib.auth.models import Permission

from accounts.models import User
from tests.factories import UserFactory


def member_of_staff(username: str, *permissions: str) -> User:
    """With the permissions named as ``accounts.view_account``."""
    user = UserFactory(username=username, is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user
