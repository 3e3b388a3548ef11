"""Puts staff's figures on the first page of the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from callcentric import clock
from staff import first_page


def with_panels(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: the panels whose lists this member of staff may see."""

    def may(model: type[Model]) -> bool:
        return admin.site.get_model_admin(model).has_view_permission(request)

    return {**context, "panels": first_page.panels(may=may, today=clock.today(), now=clock.now())}
