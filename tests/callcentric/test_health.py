"""What a load balancer is told."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

pytestmark = pytest.mark.django_db


def test_all_is_well(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (
        200,
        {"database": "ok", "redis": "ok", "migrations": "ok"},
    )


def test_a_redis_that_is_away_is_named(client, settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            # Port 9 is "discard": nothing of ours listens there.
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (
        503,
        {"database": "ok", "redis": "ConnectionError", "migrations": "ok"},
    )


def test_a_migration_that_has_not_run_is_named(client):
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("catalog")
    MigrationRecorder(connection).record_unapplied(*newest)
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (
        503,
        {"database": "ok", "redis": "ok", "migrations": "behind"},
    )


def test_it_is_asked_without_a_login_and_never_kept(client):
    response = client.get("/healthz")
    assert response["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    assert client.post("/healthz").status_code == 405
    assert cache.get("healthz") == 1
