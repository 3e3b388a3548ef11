"""Confirming an e-mail address, and changing it."""

import threading

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from tests.accounts.logins import PASSWORD, errors, log_in
from tests.accounts.test_recovery import link_in
from tests.factories import AccountFactory


@pytest.fixture
def unconfirmed(db) -> Account:
    """Bob has signed up and has not confirmed his address."""
    return AccountFactory(user__username="bob", email_confirmed=False)


def addresses(account: Account) -> list[tuple[str, bool, bool]]:
    rows = EmailAddress.objects.filter(user=account.user).order_by("pk")
    return list(rows.values_list("email", "primary", "verified"))


def confirm_url(account: Account, email: str) -> str:
    key = EmailConfirmationHMAC(EmailAddress.objects.get(user=account.user, email=email)).key
    return reverse("account_confirm_email", args=[key])


def logged_in(account: Account) -> Client:
    """A client whose owner has just typed the password."""
    client = Client()
    log_in(client, account.user.username)
    return client


def change_to(client: Client, email: str):
    """Ask for another address; the password is asked for first."""
    asked = client.post(reverse("account_email"), {"action_add": "", "email": email})
    if asked.url.startswith(reverse("account_reauthenticate")):
        return client.post(asked.url, {"password": PASSWORD})
    return asked


# --- Confirming ---


@pytest.mark.django_db
def test_the_link_asks_before_it_confirms(client, unconfirmed):
    url = confirm_url(unconfirmed, "bob@example.com")
    response = client.get(url)
    assert (response.status_code, response.context["can_confirm"]) == (200, True)
    assert not unconfirmed.email_is_confirmed
    response = client.post(url)
    assert (response.status_code, response.url) == (302, reverse("account_login"))
    assert unconfirmed.email_is_confirmed


@pytest.mark.django_db
def test_a_customer_who_is_logged_in_goes_on_to_the_dashboard(unconfirmed):
    client = logged_in(unconfirmed)
    assert client.post(confirm_url(unconfirmed, "bob@example.com")).url == reverse("dashboard")


@pytest.mark.django_db
def test_the_link_works_once_and_for_three_days(client, unconfirmed, time_machine):
    time_machine.move_to("2027-01-11 12:00:00+00:00")
    url = confirm_url(unconfirmed, "bob@example.com")
    time_machine.move_to("2027-01-14 12:00:01+00:00")
    assert (client.get(url).context["confirmation"], client.post(url).status_code) == (None, 404)
    time_machine.move_to("2027-01-14 11:59:59+00:00")
    assert client.post(url).status_code == 302
    assert client.get(url).context["confirmation"] is None


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x", "a" * 2000, "1:2:3"])
def test_a_made_up_link_says_so(client, key):
    response = client.get(f"/accounts/confirm-email/{key}/")
    assert (response.status_code, response.context["confirmation"]) == (200, None)


@pytest.mark.django_db
def test_an_address_confirmed_elsewhere_is_refused_politely(client, alice):
    second = AccountFactory(user__email=alice.user.email, email_confirmed=False)
    url = confirm_url(second, alice.user.email)
    page = client.get(url)
    assert (page.status_code, page.context["can_confirm"]) == (200, False)
    assert "is confirmed for another account already" in page.content.decode()
    answer = client.post(url, follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "alice@example.com is confirmed for another account already. Log in to that one, or use another address here."
    ]
    assert (second.email_is_confirmed, alice.email_is_confirmed) == (False, True)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_who_confirm_one_address_at_once():
    pair = [AccountFactory(user__email="same@example.com", email_confirmed=False) for _ in range(2)]
    urls = [confirm_url(account, "same@example.com") for account in pair]
    start = threading.Barrier(2)
    said = []

    def work(url):
        start.wait()
        page = Client().post(url, follow=True).content.decode()
        said.append("same@example.com is confirmed for another account already." in page)
        connection.close()

    threads = [threading.Thread(target=work, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [False, True]
    assert sorted(account.email_is_confirmed for account in pair) == [False, True]


@pytest.mark.django_db
def test_the_link_is_sent_again_but_not_at_once(unconfirmed, mailoutbox):
    client = logged_in(unconfirmed)
    first = client.post(reverse("email_resend"), follow=True)
    second = client.post(reverse("email_resend"), follow=True)
    assert [str(message) for response in (first, second) for message in response.context["messages"]] == [
        "We have sent a link to bob@example.com. Follow it to confirm the address.",
        "We have just sent it. Look into your spam folder, or ask again in a minute.",
    ]
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["bob@example.com"], "Confirm your e-mail address for Callcentric")
    ]
    assert client.post(link_in(mailoutbox[0])).status_code == 302
    assert unconfirmed.email_is_confirmed


@pytest.mark.django_db
def test_what_is_confirmed_is_not_sent_again(alice_client, mailoutbox):
    response = alice_client.post(reverse("email_resend"), follow=True)
    assert [str(message) for message in response.context["messages"]] == ["Your e-mail address is confirmed already."]
    assert mailoutbox == []


@pytest.mark.django_db
def test_a_visitor_cannot_have_it_sent_again(client):
    assert client.post(reverse("email_resend")).url == f"{reverse('account_login')}?next={reverse('email_resend')}"


# --- Changing ---


@pytest.mark.django_db
def test_a_change_asks_for_the_password(alice_client):
    response = alice_client.post(reverse("account_email"), {"action_add": "", "email": "new@example.com"})
    assert response.url == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert EmailAddress.objects.filter(email="new@example.com").count() == 0


@pytest.mark.django_db
def test_the_old_address_stays_until_the_new_one_is_confirmed(alice, mailoutbox):
    client = logged_in(alice)
    change_to(client, "New@example.com")
    assert addresses(alice) == [("alice@example.com", True, True), ("new@example.com", False, False)]
    alice.user.refresh_from_db()
    assert (alice.user.email, alice.email_is_confirmed) == ("alice@example.com", True)
    [mail] = mailoutbox
    assert mail.to == ["new@example.com"]

    client.post(link_in(mail))
    assert addresses(alice) == [("new@example.com", True, True)]
    alice.user.refresh_from_db()
    assert alice.user.email == "new@example.com"
    told = mailoutbox[1]
    assert (told.to, told.subject) == (["alice@example.com"], "Your Callcentric e-mail address has been changed")
    assert "from alice@example.com to new@example.com. We no longer write to the old one." in told.body.splitlines()


@pytest.mark.django_db
def test_a_change_can_be_called_off(alice):
    client = logged_in(alice)
    change_to(client, "new@example.com")
    client.post(reverse("account_email"), {"action_remove": "", "email": "new@example.com"})
    assert addresses(alice) == [("alice@example.com", True, True)]


@pytest.mark.django_db
def test_the_only_address_cannot_be_taken_away(alice):
    client = logged_in(alice)
    change_to(client, "new@example.com")
    client.post(reverse("account_email"), {"action_remove": "", "email": "alice@example.com"})
    assert ("alice@example.com", True, True) in addresses(alice)


@pytest.mark.django_db
def test_a_mistyped_address_of_sign_up_is_replaced_at_once(unconfirmed):
    change_to(logged_in(unconfirmed), "right@example.com")
    assert addresses(unconfirmed) == [("right@example.com", True, False)]
    unconfirmed.user.refresh_from_db()
    assert (unconfirmed.user.email, unconfirmed.email_is_confirmed) == ("right@example.com", False)


@pytest.mark.django_db
def test_changing_to_a_strangers_address_says_nothing_and_gets_nothing(alice, bob, mailoutbox):
    client = logged_in(bob)
    assert change_to(client, alice.user.email).status_code == 302
    assert addresses(bob) == [("bob@example.com", True, True), ("alice@example.com", False, False)]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["alice@example.com"], "You already have a Callcentric account")
    client.post(confirm_url(bob, alice.user.email))
    assert addresses(bob) == [("bob@example.com", True, True), ("alice@example.com", False, False)]
    assert alice.email_is_confirmed


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", "new", "n\x00@example.com", "n" * 300 + "@example.com", "alice@example.com"])
def test_a_bad_address_is_a_form_error(alice, email):
    client = logged_in(alice)
    change_to(client, "first@example.com")
    response = client.post(reverse("account_email"), {"action_add": "", "email": email})
    assert (response.status_code, list(errors(response))) == (200, ["email"])
