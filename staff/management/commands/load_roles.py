"""Write the staff's roles, and what each may do, into the database."""

from typing import Any

from django.core.management.base import BaseCommand

from staff import roles


class Command(BaseCommand):
    help = "Writes the groups and permissions of staff/roles.py as they stand there. Who has which role stays."

    def handle(self, *args: Any, verbosity: int = 1, **options: Any) -> None:
        roles.load()
        if verbosity:
            self.stdout.write(f"Roles: {', '.join(roles.ROLES)}.")
