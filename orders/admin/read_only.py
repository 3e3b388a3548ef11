"""What staff look at and do not edit."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Staff look; what changes money or services has an action of its own."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
