import re
import time

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts import pace
from accounts.models import Account
from tests.accounts.logins import MISMATCH, PASSWORD, errors, log_in
from tests.factories import AccountFactory

NEW = "three-green-ladders"


def ask_for_reminder(client, email):
    return client.post(reverse("forgot"), {"email": email}, follow=True)


def ask_for_reset(client, email):
    return client.post(reverse("account_reset_password"), {"email": email}, follow=True)


def link_in(mail) -> str:
    """The path of the only link of ours in a mail that leads further than the front page."""
    [link] = re.findall(rf"{re.escape(settings.SITE_URL)}(/accounts/(?:password|confirm)\S+)", mail.body)
    return link


def reset(client, path, password=NEW):
    """Follow the link and set ``password``; the last answer."""
    form = client.get(path, follow=True)
    action = form.context.get("action_url", path)
    return client.post(action, {"password1": password, "password2": password})


# --- Usernames ---


@pytest.mark.django_db
def test_a_reminder_lists_every_account_of_the_address(client, alice, mailoutbox):
    second = AccountFactory(user__username="alice2", user__email=alice.user.email, email_confirmed=False)
    ask_for_reminder(client, "Alice@Example.com")
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([alice.user.email], "Your Callcentric username")
    assert [line.strip() for line in mail.body.splitlines() if line.startswith("  ")] == [
        "Username:    alice",
        f"1777 number: {alice.number}",
        "Username:    alice2",
        f"1777 number: {second.number}",
        "(the e-mail address of this account is not confirmed)",
    ]
    assert (mail.alternatives, mail.from_email) == ([], settings.DEFAULT_FROM_EMAIL)


@pytest.mark.django_db
def test_no_mail_goes_to_an_unknown_address(client, alice, mailoutbox):
    ask_for_reminder(client, "nobody@example.com")
    ask_for_reset(client, "nobody@example.com")
    assert mailoutbox == []


@pytest.mark.django_db
@pytest.mark.parametrize("ask", [ask_for_reminder, ask_for_reset])
def test_known_and_unknown_addresses_are_answered_alike(alice, ask):
    answers = []
    for email in (alice.user.email, "nobody@example.com"):
        response = ask(Client(), email)
        page = response.content.decode().replace(email, "MAIL")
        page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"', "", page)
        answers.append((response.status_code, response.redirect_chain, page))
    assert answers[0] == answers[1]


@pytest.mark.django_db
def test_an_address_asked_to_change_to_is_reminded_of_nothing(client, alice, mailoutbox):
    EmailAddress.objects.create(user=alice.user, email="typo@example.com")
    ask_for_reminder(client, "typo@example.com")
    ask_for_reset(client, "typo@example.com")
    assert mailoutbox == []


@pytest.mark.django_db
def test_reminders_are_limited(client, alice, mailoutbox):
    statuses = [client.post(reverse("forgot"), {"email": alice.user.email}).status_code for _ in range(4)]
    assert statuses == [302, 302, 302, 429]
    assert len(mailoutbox) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", "alice", "a\x00@example.com", "a" * 300 + "@example.com"])
def test_a_bad_address_is_a_form_error(client, email):
    response = client.post(reverse("forgot"), {"email": email})
    assert (response.status_code, list(response.context["reminder"].errors)) == (422, ["email"])


@pytest.mark.django_db
def test_the_page_offers_both(client):
    context = client.get(reverse("forgot")).context
    assert [context["reminder"]["email"].id_for_label, context["reset"]["email"].id_for_label] == [
        "reminder_email",
        "reset_email",
    ]


# --- Passwords ---


@pytest.mark.django_db
def test_a_reset_link_works_once(client, alice, mailoutbox):
    ask_for_reset(client, alice.user.email)
    path = link_in(mailoutbox[0])
    assert reset(client, path).url == reverse("dashboard")
    assert client.session["_auth_user_id"] == str(alice.user.pk)
    assert [mail.subject for mail in mailoutbox[1:]] == ["Your Callcentric password has been reset"]
    again = Client().get(path, follow=True)
    assert again.context["token_fail"] is True
    assert log_in(Client(), "alice", PASSWORD, ip="192.0.2.9").status_code == 200
    assert log_in(Client(), "alice", NEW, ip="192.0.2.9").status_code == 302


@pytest.mark.django_db
def test_a_reset_ends_every_other_login(client, alice, alice_client, mailoutbox):
    ask_for_reset(client, alice.user.email)
    reset(client, link_in(mailoutbox[0]))
    assert alice_client.get(reverse("profile")).status_code == 302


@pytest.mark.django_db
def test_a_reset_lifts_the_pause(client, alice, mailoutbox):
    for attempt in range(5):
        log_in(Client(), "alice", "wrong", ip=f"192.0.2.{attempt}")
    ask_for_reset(client, alice.user.email)
    reset(client, link_in(mailoutbox[0]))
    assert log_in(Client(), alice.number, NEW, ip="192.0.2.99").status_code == 302


@pytest.mark.django_db
def test_a_reset_of_one_user_lifts_no_pause_of_another(client, alice, bob, mailoutbox):
    """Not even where that one has asked to change to the other's address."""
    EmailAddress.objects.create(user=bob.user, email=alice.user.email)
    for attempt in range(5):
        log_in(Client(), "alice", "wrong", ip=f"192.0.2.{attempt}")
    ask_for_reset(client, bob.user.email)
    reset(client, link_in(mailoutbox[0]))
    assert errors(log_in(Client(), "alice", ip="192.0.2.99"))["__all__"] != [MISMATCH]


@pytest.mark.django_db
def test_the_address_a_reset_is_sent_to_belongs_to_its_owner(client, alice, mailoutbox):
    AccountFactory(user__username="bob", user__email=alice.user.email, email_confirmed=False)
    ask_for_reset(client, alice.user.email)
    assert [line for mail in mailoutbox for line in mail.body.splitlines() if "password of the user" in line] == [
        "you asked to reset the password of the user alice."
    ]


@pytest.mark.django_db
def test_a_weak_password_is_refused(client, alice, mailoutbox):
    ask_for_reset(client, alice.user.email)
    response = reset(client, link_in(mailoutbox[0]), "alice@example")
    assert list(errors(response)) == ["password1"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["1-set-password", "zz-abc-def", "1-" + "a" * 500, "0-abc-def"])
def test_a_made_up_link_says_that_it_does_not_work(client, path):
    response = client.get(f"/accounts/password/reset/key/{path}/")
    assert (response.status_code, response.context["token_fail"]) == (200, True)


@pytest.mark.django_db
def test_links_lead_to_the_public_address(client, alice, mailoutbox, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client.post(reverse("account_reset_password"), {"email": alice.user.email}, headers={"host": "evil.example"})
    client.post(reverse("forgot"), {"email": alice.user.email}, headers={"host": "evil.example"})
    assert [mail.body.count("evil.example") for mail in mailoutbox] == [0, 0]
    assert [mail.body.count(settings.SITE_URL) for mail in mailoutbox] == [2, 2]


@pytest.mark.django_db
def test_changing_the_password_needs_the_present_one_and_is_told(alice: Account, mailoutbox):
    client, other = Client(), Client()
    log_in(client, "alice")
    log_in(other, "alice")
    typed = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    assert list(errors(client.post(reverse("account_change_password"), typed))) == ["oldpassword"]
    response = client.post(reverse("account_change_password"), typed | {"oldpassword": PASSWORD})
    assert response.url == reverse("profile")
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        ([alice.user.email], "Your Callcentric password has been changed")
    ]
    assert client.get(reverse("profile")).status_code == 200
    assert other.get(reverse("profile")).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/forgot/", "/accounts/password/reset/"])
def test_an_answer_is_never_quicker_than_the_other_one(client, alice, path):
    """Writing an e-mail takes time, and that time must not tell that there was somebody to write to."""
    for email in (alice.user.email, "nobody@example.com"):
        begun = time.monotonic()
        client.post(path, {"email": email})
        assert time.monotonic() - begun >= pace.SECONDS
