"""What a page may do while staff look at it: read."""

from datetime import timedelta

import pytest
from django.db import InternalError, connection, transaction
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import resolve

from accounts.models import Account
from billing import stripe_api
from callcentric import clock
from staff.looking import Look
from staff.middleware import LookingMiddleware


@pytest.fixture
def ask(alice, sam):
    """The answer of a view in the place of a customer's page."""

    def answer(view) -> HttpResponse:
        request = RequestFactory().get("/dashboard/")
        request.resolver_match = resolve("/dashboard/")
        request.user, request.session, request.account = sam, {}, None
        request.looking = Look(alice, clock.now() + timedelta(minutes=1))
        return LookingMiddleware(lambda asked: HttpResponse()).process_view(request, view, (), {})

    return answer


def rename() -> int:
    return Account.objects.update(name="Mallory")


def names() -> set[str]:
    return set(Account.objects.values_list("name", flat=True))


def words(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_what_writes_is_refused_in_words(ask):
    answer = ask(lambda request: HttpResponse(rename()))
    assert (answer.status_code, "It writes something down" in words(answer), names()) == (403, True, {"Alice"})


@pytest.mark.parametrize("statement", ["SELECT FROM accounts_account FOR UPDATE", "CREATE TABLE x ()"])
def test_so_is_what_locks_or_changes_tables(ask, statement):
    def view(request):
        with connection.cursor() as cursor:
            cursor.execute(statement)
        return HttpResponse("done")

    assert ask(view).status_code == 403


def test_what_is_written_while_the_page_is_sent_is_refused_too(ask):
    answer = ask(lambda request: StreamingHttpResponse(str(rename()) for _ in range(1)))
    assert (answer.status_code, names()) == (403, {"Alice"})


def test_and_while_it_is_rendered(ask):
    page = engines["django"].from_string("{{ rename }}")
    answer = ask(lambda request: TemplateResponse(request, page, {"rename": rename}))
    assert (answer.status_code, names()) == (403, {"Alice"})


def test_what_is_only_read_is_sent_whole(ask):
    answer = ask(lambda request: StreamingHttpResponse(name for name in names()))
    assert b"".join(answer) == b"Alice"


def test_what_asks_the_bank_is_refused_in_words(ask):
    def view(request):
        stripe_api.create_customer(number="17775550000")

    answer = ask(view)
    assert (answer.status_code, "It asks the bank something" in words(answer)) == (403, True)


def test_no_task_is_sent(ask, django_capture_on_commit_callbacks):
    def view(request):
        transaction.on_commit(rename)
        return HttpResponse("shown")

    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        answer = ask(view)
    assert (answer.status_code, callbacks, names()) == (200, [], {"Alice"})


def test_whoever_asks_next_may_write(ask):
    ask(lambda request: HttpResponse("shown"))
    ask(lambda request: HttpResponse(rename()))
    assert (rename(), names()) == (1, {"Mallory"})


def test_a_page_that_is_not_found_is_not_found(ask):
    def view(request):
        raise Http404

    with pytest.raises(Http404):
        ask(view)


def test_another_fault_is_a_fault(ask):
    def view(request):
        raise InternalError("current transaction is aborted")

    with pytest.raises(InternalError):
        ask(view)
