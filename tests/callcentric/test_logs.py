"""One id follows a request into the tasks it started, so that a log tells the whole story."""

import logging
import time

import pytest
from celery.contrib.testing.worker import start_worker

from callcentric.celery import app as celery_app


def entries(caplog, event: str) -> list[dict]:
    return [record.msg for record in caplog.records if isinstance(record.msg, dict) and record.msg["event"] == event]


def wait_for(caplog, event: str) -> dict:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := entries(caplog, event):
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no {event} in the log")


@pytest.mark.django_db(transaction=True)
def test_the_request_id_follows_into_the_task(alice, client, caplog, settings):
    # Django's test runner keeps mail in memory; here it goes the portal's own way.
    settings.EMAIL_BACKEND = "post_office.EmailBackend"
    with start_worker(celery_app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        # A worker sets the logging up anew as it starts.
        logging.getLogger().addHandler(caplog.handler)
        # Asks for a reminder of the username, which a task sends.
        client.post("/accounts/forgot/", {"email": alice.user.email})
        request = entries(caplog, "request_started")[0]
        task = wait_for(caplog, "task_started")
    assert (task["task"], task["request_id"]) == ("post_office.tasks.send_queued_mail", request["request_id"])
