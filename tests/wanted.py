"""Many HTTP clients that want the same number at the same moment; for the tests and for ``make bench``."""

import threading
from http.client import HTTPConnection
from urllib.parse import urlencode

from phone_numbers.models import PhoneNumber

# What Django compares with the token of the form; any secret of this length will do.
SECRET = "x" * 32


def order_at_once(host: str, port: int, number: PhoneNumber, *, product: str, clients: int) -> list[int]:
    """The HTTP status that each of ``clients`` visitors got who pressed Order Now for ``number`` together.

    302 leads to the cart that has it, 409 says that it was taken.
    """
    form = urlencode(
        {"product": product, "area": number.rate_center_id, "number": number.digits, "csrfmiddlewaretoken": SECRET}
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={SECRET}"}
    start, answers = threading.Barrier(clients), []

    def press() -> None:
        visitor = HTTPConnection(host, port, timeout=30)
        visitor.connect()
        start.wait()
        visitor.request("POST", "/cart/add/", form, headers)
        answers.append(visitor.getresponse().status)
        visitor.close()

    threads = [threading.Thread(target=press) for _ in range(clients)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sorted(answers)
