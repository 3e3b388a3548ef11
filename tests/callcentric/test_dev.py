"""The development tools: clock, outbox, test cards."""

import re
from datetime import date

import pytest
from post_office import mail

from callcentric import clock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_clock(settings, tmp_path, time_machine):
    settings.CLOCK_FILE = tmp_path / "clock"
    time_machine.move_to("2027-01-11T17:00:00+00:00")


def send(n: int) -> None:
    mail.send(
        "alice@example.com",
        "help@example.com",
        subject=f"E-mail {n}",
        message=f"Hello <Alice>, open http://127.0.0.1:8000/go/{n}/ now.",
    )


def test_the_clock_is_moved_and_set_back(client):
    assert client.post("/dev/clock/", {"day": "2027-02-27"}).url == "/dev/"
    assert clock.today() == date(2027, 2, 27)
    page = client.get("/dev/").content.decode()
    assert page.count("Saturday, 27 February 2027, 12:00") == 1
    # The ribbon on every other page.
    assert client.get("/").content.decode().count("The clock shows Saturday, 27 February 2027.") == 1

    assert client.post("/dev/clock/", {"day": "2027-02-27", "real": "1"}).url == "/dev/"
    assert (clock.today(), clock.is_moved()) == (date(2027, 1, 11), False)
    assert client.get("/").content.decode().count("The clock shows") == 0


@pytest.mark.parametrize("day", ["", "tomorrow", "2027-02-30"])
def test_what_is_no_date_moves_nothing(client, day):
    response = client.post("/dev/clock/", {"day": day})
    assert (response.status_code, clock.is_moved()) == (422, False)


def test_the_clock_is_moved_by_a_form_alone(client):
    assert client.get("/dev/clock/").status_code == 405


def test_the_outbox_shows_the_newest_mail_first_with_links(client):
    for n in range(7):
        send(n)
    page = client.get("/dev/").content.decode()
    assert re.findall(r"<h3[^>]*>(.*?)</h3>", page) == [f"E-mail {n}" for n in (6, 5, 4, 3, 2)]
    assert page.count("Hello &lt;Alice&gt;, open") == 5
    assert page.count('<a href="http://127.0.0.1:8000/go/6/" rel="nofollow">') == 1


@pytest.mark.parametrize("mails", [1, 3])
def test_the_outbox_asks_the_same_number_of_questions(client, django_assert_num_queries, mails):
    for n in range(mails):
        send(n)
    with django_assert_num_queries(2):
        page = client.get("/dev/outbox/").content.decode()
    assert page.count("<article") == mails


def test_an_empty_outbox_says_so(client):
    assert client.get("/dev/outbox/").content.decode().count("No e-mail yet") == 1


def test_the_test_cards_are_listed(client):
    page = client.get("/dev/").content.decode()
    assert re.findall(r'<dt class="mono">(.*?)</dt>', page) == [
        "4242 4242 4242 4242",
        "4000 0000 0000 0002",
        "4000 0000 0000 0341",
        "4000 0027 6000 3184",
        "4000 0082 6000 3178",
    ]
