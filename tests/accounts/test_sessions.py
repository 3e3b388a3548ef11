"""Where a customer is logged in, and how to end it."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.accounts.logins import is_logged_in, log_in

PAGE = "/accounts/sessions/"


def logged_in(username: str = "alice") -> Client:
    client = Client()
    log_in(client, username)
    client.get("/dashboard/")
    return client


@pytest.mark.django_db
def test_the_list_takes_the_same_queries_for_one_session_and_for_three(alice):
    client = logged_in()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    one = queries()
    logged_in(), logged_in()
    assert (one, queries()) == (5, 5)
    assert client.get(PAGE).context["session_count"] == 3


@pytest.mark.django_db
def test_a_session_that_has_ended_is_not_listed(alice):
    client, other = logged_in(), logged_in()
    Session.objects.filter(session_key=other.session.session_key).delete()
    assert client.get(PAGE).context["session_count"] == 1
    assert UserSession.objects.count() == 1


@pytest.mark.django_db
def test_the_others_can_be_logged_out(alice):
    client, other = logged_in(), logged_in()
    client.post(PAGE)
    assert (is_logged_in(client), is_logged_in(other)) == (True, False)


@pytest.mark.django_db
def test_nobody_sees_anybody_elses(alice, bob):
    logged_in()
    assert [each.user.username for each in logged_in("bob").get(PAGE).context["sessions"]] == ["bob"]
