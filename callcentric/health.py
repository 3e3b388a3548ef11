"""Says whether this process can do its work: what load balancers and ``make run`` ask."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database, Redis and migrations are well, 503 otherwise; the body names what is not."""
    checks = {"database": _database, "redis": _redis, "migrations": _migrations}
    found = {name: _outcome(check) for name, check in checks.items()}
    well = all(outcome == "ok" for outcome in found.values())
    return JsonResponse(found, status=200 if well else 503)


def _outcome(check: Callable[[], bool]) -> str:
    # Whatever goes wrong here is the answer, not an error: the reader is a machine that wants to know "can it serve?".
    try:
        return "ok" if check() else "behind"
    except Exception as problem:  # noqa: BLE001
        return type(problem).__name__


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _redis() -> bool:
    cache.set("healthz", 1, 10)
    return cache.get("healthz") == 1


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
