"""Many HTTP clients that want the same number at the same moment; for the tests and for ``make bench``."""

import threading
from http.client import HTTPConnection
from urllib.parse import urlencode

from django.test import Client

from phone_numbers.models import PhoneNumber
from tests.factories import AccountFactory

# What Django compares with the token of the form; any secret of this length will do.
SECRET = "x" * 32


def log_in(customers: int) -> list[str]:
    """The session cookies of so many new customers."""
    clients = [Client() for _ in range(customers)]
    for client in clients:
        client.force_login(AccountFactory().user)
    return [client.cookies["sessionid"].value for client in clients]


def order_at_once(host: str, port: int, number: PhoneNumber, *, product: str, sessions: list[str]) -> list[int]:
    """The HTTP status that each of the customers got who pressed Order Now for ``number`` together.

    302 leads to the cart that has it, 409 says that it was taken.
    """
    form = urlencode(
        {"product": product, "area": number.rate_center_id, "number": number.digits, "csrfmiddlewaretoken": SECRET}
    )
    start, answers = threading.Barrier(len(sessions)), []

    def press(session: str) -> None:
        customer = HTTPConnection(host, port, timeout=30)
        customer.connect()
        start.wait()
        cookies = f"csrftoken={SECRET}; sessionid={session}"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
        customer.request("POST", "/cart/add/", form, headers)
        answers.append(customer.getresponse().status)
        customer.close()

    threads = [threading.Thread(target=press, args=[session]) for session in sessions]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sorted(answers)
