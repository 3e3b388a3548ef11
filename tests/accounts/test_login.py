"""Logging in: by every name, with every mistake, and the pause after five of them (domain.md §4)."""

import threading

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.login_names import find_user
from accounts.models import Account
from tests.accounts.logins import MISMATCH, PASSWORD, PAUSED, errors, is_logged_in, log_in
from tests.factories import AccountFactory


def names_of(account: Account) -> list[str]:
    number = account.number
    return [
        account.user.username,
        account.user.username.upper(),
        f"  {account.user.username} ",
        number,
        f"{number[:4]}-{number[4:7]}-{number[7:]}",
        f"{number[:4]} {number[4:7]} {number[7:]}",
        f"+{number[:4]} ({number[4:7]}) {number[7:]}",
        account.user.email,
        account.user.email.upper(),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("which", range(9))
def test_every_name_of_a_customer_logs_in(alice, which):
    client = Client()
    response = log_in(client, names_of(alice)[which])
    assert (response.status_code, response.url) == (302, reverse("dashboard"))
    assert client.session["_auth_user_id"] == str(alice.user.pk)


@pytest.mark.django_db
def test_staff_go_to_the_admin(sam):
    client = Client()
    assert log_in(client, "sam").url == reverse("admin:index")


@pytest.mark.django_db
def test_wrong_password_and_unknown_names_are_answered_alike(alice):
    def answer(login):
        response = log_in(Client(), login, "wrong", ip=f"192.0.2.{len(answers)}")
        page = response.content.decode().replace(login, "NAME")
        token = response.context["csrf_token"]
        return response.status_code, errors(response), len(page.replace(str(token), ""))

    answers: list = []
    for login in [
        "alice",
        "nobody",
        alice.number,
        "17770000000",
        alice.user.email,
        "nobody@example.com",
        "1777-000-0000",
    ]:
        answers.append(answer(login))
    assert {status for status, _, _ in answers} == {200}
    assert [found for _, found, _ in answers] == [{"__all__": [MISMATCH]}] * 7
    assert len({length for _, _, length in answers}) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("known", "unknown"),
    [("alice", "nobody"), ("NUMBER", "17770000000"), ("alice@example.com", "nobody@example.com")],
)
def test_known_and_unknown_names_cost_the_same(alice, known, unknown, django_assert_num_queries):
    known = alice.number if known == "NUMBER" else known
    for login in (known, unknown):
        with django_assert_num_queries(2):
            log_in(Client(), login, "wrong", ip="192.0.2.9")


@pytest.mark.django_db
def test_an_unknown_name_is_hashed_for_too(alice, settings):
    hasher = "tests.accounts.counting.CountingHasher"
    settings.PASSWORD_HASHERS = [hasher, "django.contrib.auth.hashers.MD5PasswordHasher"]
    from tests.accounts.counting import CountingHasher

    alice.user.set_password(PASSWORD)
    alice.user.save()
    counts = []
    for login in ("alice", "nobody", alice.number, "17770000000", "nobody@example.com"):
        CountingHasher.count = 0
        log_in(Client(), login, "wrong", ip=f"192.0.2.{len(counts)}")
        counts.append(CountingHasher.count)
    assert counts == [1, 1, 1, 1, 1]


@pytest.mark.django_db
def test_a_login_gets_a_new_session(client, alice):
    session = client.session
    session["kept"] = "the cart"
    session.save()
    before = client.cookies["sessionid"].value
    log_in(client, "alice")
    assert client.cookies["sessionid"].value != before
    assert client.session["kept"] == "the cart"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("login", "field"),
    [("ali\x00ce", "login"), ("a" * 255, "login"), ("", "login")],
)
def test_bad_names_are_form_errors(client, login, field):
    response = log_in(client, login)
    assert (response.status_code, list(errors(response))) == (200, [field])


@pytest.mark.django_db
def test_a_nul_in_the_password_is_a_form_error(client, alice):
    assert list(errors(log_in(client, "alice", "a\x00b"))) == ["password"]


@pytest.mark.django_db
def test_what_was_typed_is_still_there_after_an_error(client, alice):
    response = log_in(client, "1777-000-0000", "wrong", next="/cart/")
    assert response.context["form"]["login"].value() == "1777-000-0000"
    assert response.context["redirect_field_value"] == "/cart/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("after", "lands_on"),
    [
        ("/cart/", "/cart/"),
        ("http://testserver/cart/", "http://testserver/cart/"),
        ("https://evil.example/", "/dashboard/"),
        ("//evil.example/", "/dashboard/"),
        ("/\\evil.example/", "/dashboard/"),
        ("\\\\evil.example", "/dashboard/"),
        ("http:evil.example", "/dashboard/"),
        ("http:///evil.example", "/dashboard/"),
        ("javascript:alert(1)", "/dashboard/"),
        ("\x00//evil.example", "/dashboard/"),
        ("http://testserver@evil.example/", "/dashboard/"),
        ("http://testserver.evil.example/", "/dashboard/"),
    ],
)
def test_next_leads_nowhere_else(client, alice, after, lands_on):
    assert log_in(client, "alice", next=after).url == lands_on


@pytest.mark.django_db
def test_who_is_logged_in_is_not_sent_elsewhere_by_next(alice_client):
    response = alice_client.get(reverse("account_login"), {"next": "https://evil.example/"})
    assert response.url == "/dashboard/"


@pytest.mark.django_db
def test_logging_out_needs_a_post(alice_client):
    assert alice_client.get(reverse("account_logout")).status_code == 200
    assert is_logged_in(alice_client)
    assert alice_client.post(reverse("account_logout"), {"next": "//evil.example"}).url == "/"
    assert not is_logged_in(alice_client)


# --- Five failures in fifteen minutes ---


@pytest.mark.django_db
def test_five_failures_pause_the_name_everywhere(alice):
    for attempt in range(5):
        assert errors(log_in(Client(), "alice", "wrong", ip=f"192.0.2.{attempt}")) == {"__all__": [MISMATCH]}
    response = log_in(Client(), "alice", ip="192.0.2.99")
    assert (response.status_code, errors(response)) == (200, {"__all__": [PAUSED]})


@pytest.mark.django_db
@pytest.mark.parametrize("which", range(9))
def test_all_names_of_a_user_are_one_name(alice, which):
    for attempt, name in enumerate(
        ["alice", alice.number, alice.user.email, f" {alice.number[:4]}-{alice.number[4:]}"]
    ):
        log_in(Client(), name, "wrong", ip=f"192.0.2.{attempt}")
    log_in(Client(), "ALICE@example.com", "wrong", ip="192.0.2.5")
    assert errors(log_in(Client(), names_of(alice)[which], ip="192.0.2.99")) == {"__all__": [PAUSED]}


@pytest.mark.django_db
@pytest.mark.parametrize("unknown", ["nobody", "17770000000", "nobody@example.com"])
def test_an_unknown_name_is_paused_like_a_known_one(alice, unknown):
    for attempt in range(5):
        assert errors(log_in(Client(), unknown, "wrong", ip=f"192.0.2.{attempt}")) == {"__all__": [MISMATCH]}
    assert errors(log_in(Client(), unknown, "wrong", ip="192.0.2.99")) == {"__all__": [PAUSED]}
    assert log_in(Client(), "alice", ip="192.0.2.98").status_code == 302


@pytest.mark.django_db
def test_an_unknown_number_is_one_name_however_it_is_written():
    for attempt, name in enumerate(["17770000000", "1777-000-0000", "1777 0000000", "1777.000.0000", "+17770000000"]):
        log_in(Client(), name, "wrong", ip=f"192.0.2.{attempt}")
    assert errors(log_in(Client(), "(1777) 000 0000", "wrong", ip="192.0.2.99")) == {"__all__": [PAUSED]}


@pytest.mark.django_db
def test_five_failures_pause_the_address_for_every_name(alice, bob):
    for name in ["alice", "bob", "nobody", "alice", "bob"]:
        log_in(Client(), name, "wrong")
    assert errors(log_in(Client(), "bob")) == {"__all__": [PAUSED]}
    assert log_in(Client(), "bob", ip="192.0.2.2").status_code == 302


@pytest.mark.django_db
def test_a_success_does_not_forget_the_failures_before_it(alice, bob):
    for _ in range(4):
        log_in(Client(), "alice", "wrong")
    assert log_in(Client(), "bob").status_code == 302
    # The fifth failure of the address is not the fifth of the name.
    log_in(Client(), "nobody", "wrong")
    assert errors(log_in(Client(), "alice")) == {"__all__": [PAUSED]}


@pytest.mark.django_db
def test_four_failures_pause_nothing(alice):
    for _ in range(4):
        log_in(Client(), "alice", "wrong")
    assert log_in(Client(), "alice").status_code == 302


@pytest.mark.django_db
def test_the_pause_ends_after_fifteen_minutes(alice, time_machine):
    time_machine.move_to("2027-01-11 12:00:00+00:00")
    for _ in range(5):
        log_in(Client(), "alice", "wrong")
    time_machine.move_to("2027-01-11 12:14:59+00:00")
    assert errors(log_in(Client(), "alice")) == {"__all__": [PAUSED]}
    time_machine.move_to("2027-01-11 12:15:01+00:00")
    assert log_in(Client(), "alice").status_code == 302


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_counted_too(alice):
    start = threading.Barrier(16)
    found = []

    def work(number):
        start.wait()
        # The page, not its context: the test client mixes up the contexts of threads.
        page = log_in(Client(), "alice", "wrong", ip=f"192.0.2.{number}").content.decode()
        found.append((MISMATCH in page, PAUSED in page))
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(False, True)] * 11 + [(True, False)] * 5


# --- Somebody signs up with an address that is not theirs ---


@pytest.fixture
def impostor(alice) -> Account:
    """Bob's account, with Alice's address, which he cannot confirm."""
    return AccountFactory(user__username="bob", user__email=alice.user.email, email_confirmed=False)


@pytest.mark.django_db
def test_a_confirmed_address_means_its_owner(alice, impostor):
    impostor.user.set_password("bobs own password")
    impostor.user.save()
    assert errors(log_in(Client(), alice.user.email, "bobs own password")) == {"__all__": [MISMATCH]}
    client = Client()
    log_in(client, alice.user.email)
    assert client.session["_auth_user_id"] == str(alice.user.pk)


@pytest.mark.django_db
def test_failures_of_an_impostor_do_not_count_for_the_owner(alice, impostor):
    for attempt in range(5):
        log_in(Client(), "bob", "wrong", ip=f"192.0.2.{attempt}")
    assert log_in(Client(), alice.user.email, ip="192.0.2.99").status_code == 302


@pytest.mark.django_db
def test_where_nobody_confirmed_the_first_one_is_meant():
    first = AccountFactory(user__email="same@example.com", email_confirmed=False)
    AccountFactory(user__email="same@example.com", email_confirmed=False)
    assert find_user("Same@example.com") == first.user


@pytest.mark.django_db
def test_an_address_asked_to_change_to_is_nobodys(alice):
    EmailAddress.objects.create(user=alice.user, email="new@example.com", primary=False, verified=False)
    assert find_user("new@example.com") is None
    assert errors(log_in(Client(), "new@example.com")) == {"__all__": [MISMATCH]}
