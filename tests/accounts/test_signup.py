import json
import threading

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, connection
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from accounts import embargo, signup
from accounts.models import Account, Address, EmbargoedCountry, User
from accounts.signup import NoNumberFree, open_account
from agents.models import Agent
from tests.factories import AccountFactory, UserFactory

PASSWORD = "seven-brown-kettles"


def typed(**changes) -> dict[str, str]:
    data = {
        "name": "Bob",
        "email": "bob@example.com",
        "username": "bob",
        "password1": PASSWORD,
        "country": "US",
        "time_zone": "America/New_York",
        "agent_id": "",
    }
    return data | changes


def sign_up(client: Client, **changes):
    return client.post(reverse("account_signup"), typed(**changes))


def errors(response) -> dict[str, list[str]]:
    return {
        field: [error["message"] for error in found]
        for field, found in json.loads(response.context["form"].errors.as_json()).items()
    }


# --- The verb ---


@pytest.mark.django_db
def test_an_account_gets_a_1777_number():
    user = UserFactory()
    account = open_account(user=user, name="Bob", country="CA", time_zone="America/Toronto")
    account.full_clean()
    stored = Account.objects.values("user", "name", "time_zone", "billing_address__country", "referred_by").get()
    assert stored == {
        "user": user.pk,
        "name": "Bob",
        "time_zone": "America/Toronto",
        "billing_address__country": "CA",
        "referred_by": None,
    }
    assert len(account.number) == 11
    assert account.number[:4] == "1777"


@pytest.mark.django_db
def test_numbers_are_not_in_sequence():
    numbers = [
        int(open_account(user=UserFactory(), name="Bob", country="US", time_zone="UTC").number) for _ in range(20)
    ]
    steps = {after - before for before, after in zip(numbers, numbers[1:], strict=False)}
    assert len(steps) == 19
    assert numbers != sorted(numbers)


def open_in_threads(*, threads: int, each: int) -> list[BaseException]:
    """Open ``threads`` times ``each`` accounts at once; returns what went wrong."""
    users = iter([UserFactory() for _ in range(threads * each)])
    batches = [[next(users) for _ in range(each)] for _ in range(threads)]
    start = threading.Barrier(threads)
    problems: list[BaseException] = []

    def work(batch):
        try:
            start.wait()
            for user in batch:
                open_account(user=user, name="Bob", country="US", time_zone="UTC")
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    running = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return problems


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_sixteen_threads_open_320_accounts():
    assert open_in_threads(threads=16, each=20) == []
    assert Account.objects.values("number").distinct().count() == 320


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_colliding_numbers_are_drawn_again(monkeypatch):
    monkeypatch.setattr(signup, "NUMBER_SPACE", 350)
    assert open_in_threads(threads=16, each=20) == []
    assert Account.objects.values("number").distinct().count() == 320
    assert Account.objects.count() == 320


@pytest.mark.django_db
def test_a_full_range_is_said_and_opens_nothing(monkeypatch):
    monkeypatch.setattr(signup, "NUMBER_SPACE", 1)
    AccountFactory(number="17770000000")
    with pytest.raises(NoNumberFree, match="We cannot open accounts at the moment"):
        open_account(user=UserFactory(), name="Bob", country="US", time_zone="UTC")
    assert (Account.objects.count(), Address.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_another_constraint_is_not_taken_for_a_collision(alice):
    with pytest.raises(IntegrityError, match="accounts_account_user_id_key"):
        open_account(user=alice.user, name="Bob", country="US", time_zone="UTC")


@pytest.mark.django_db
@pytest.mark.parametrize("country", embargo.FIRST_LIST)
def test_no_account_is_opened_in_an_embargoed_country(country):
    embargo.load_embargo()
    with pytest.raises(embargo.NotServed):
        open_account(user=UserFactory(), name="Bob", country=country, time_zone="UTC")
    assert (Account.objects.count(), Address.objects.count()) == (0, 0)


# --- The page ---


@pytest.mark.django_db
def test_the_form_asks_for_what_the_rules_say(client):
    form = client.get(reverse("account_signup")).context["form"]
    assert {field.label: field.field.required for field in form} == {
        "Your name": True,
        "E-mail address": True,
        "Username": True,
        "Password": True,
        "Country": True,
        "Time zone": True,
        "Agent ID": False,
    }
    assert (form["country"].value(), form["time_zone"].value()) == ("US", "America/New_York")


@pytest.mark.django_db
def test_signing_up_logs_in_and_lands_on_the_dashboard(client):
    response = sign_up(client, username="Bob")
    assert (response.status_code, response.url) == (302, reverse("dashboard"))
    account = Account.objects.select_related("user").get()
    assert client.session["_auth_user_id"] == str(account.user.pk)
    assert (account.user.username, account.user.email) == ("bob", "bob@example.com")
    assert not account.email_is_confirmed
    assert list(EmailAddress.objects.values_list("email", "primary", "verified")) == [("bob@example.com", True, False)]


@pytest.mark.django_db
def test_the_confirmation_mail_names_username_number_and_link(client, mailoutbox):
    sign_up(client)
    [mail] = mailoutbox
    account = Account.objects.get()
    assert (mail.to, mail.subject) == (["bob@example.com"], "Your Callcentric account: confirm your e-mail address")
    lines = [line.strip() for line in mail.body.splitlines()]
    assert "Username:    bob" in lines
    assert f"1777 number: {account.number}" in lines
    assert [line for line in lines if line.startswith("http")][0].startswith(
        settings.SITE_URL + "/accounts/confirm-email/"
    )
    assert mail.alternatives == []


@pytest.mark.django_db
def test_e_mails_are_queued_as_rows(client, settings):
    settings.EMAIL_BACKEND = "post_office.EmailBackend"
    sign_up(client)
    assert Email.objects.values_list("to", "from_email").get() == (["bob@example.com"], settings.DEFAULT_FROM_EMAIL)


@pytest.mark.django_db
def test_a_crash_leaves_nothing_behind(client, monkeypatch):
    monkeypatch.setattr(signup, "NUMBER_SPACE", 1)
    AccountFactory(number="17770000000", user__username="alice")
    response = sign_up(client)
    assert response.status_code == 409
    assert errors(response) == {"__all__": ["We cannot open accounts at the moment. Please try again later."]}
    assert list(User.objects.values_list("username", flat=True)) == ["alice"]
    assert (Account.objects.count(), EmailAddress.objects.count(), Address.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("country", embargo.FIRST_LIST)
def test_the_seven_countries_are_refused_beside_the_field(client, country):
    embargo.load_embargo()
    response = sign_up(client, country=country, name="Bob Typed", agent_id="")
    assert list(errors(response)) == ["country"]
    form = response.context["form"]
    kept = {name: form[name].value() for name in ("name", "email", "username", "country", "time_zone")}
    assert kept == {name: value for name, value in typed(country=country, name="Bob Typed").items() if name in kept}
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_refusal_names_the_country_and_the_rule(client):
    embargo.load_embargo()
    assert errors(sign_up(client, country="KP"))["country"] == [
        "We cannot serve addresses in North Korea: it is on our list of embargoed countries, where we may open "
        "no account and take no order. If you picked it by mistake, choose your own country."
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("country", ["KR", "SS"])
def test_south_korea_and_south_sudan_are_served(client, country):
    embargo.load_embargo()
    assert sign_up(client, country=country).status_code == 302
    assert Account.objects.get().billing_address.country.code == country


@pytest.mark.django_db
def test_the_embargo_list_is_filled_once_and_kept_as_staff_left_it():
    assert embargo.load_embargo() == 7
    EmbargoedCountry.objects.filter(country="SY").delete()
    assert embargo.load_embargo() == 0
    assert set(EmbargoedCountry.objects.values_list("country", flat=True)) == {"CU", "IR", "IQ", "KP", "LY", "SD"}


@pytest.mark.django_db
def test_an_unknown_agent_id_is_refused_beside_the_field(client):
    response = sign_up(client, agent_id="nobody")
    assert errors(response) == {
        "agent_id": ["We know no agent by this ID. Check it with your agent, or leave this empty."]
    }
    assert response.context["form"]["agent_id"].value() == "nobody"
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "found"), [(Agent.State.APPROVED, True), (Agent.State.APPLIED, False), (Agent.State.DECLINED, False)]
)
def test_only_an_approved_agent_is_found(client, alice, state, found):
    Agent.objects.create(account=alice, agent_id="acme", state=state)
    sign_up(client, agent_id="ACME")
    clients = list(Account.objects.filter(referred_by=alice).values_list("user__username", flat=True))
    assert clients == (["bob"] if found else [])
    assert User.objects.filter(username="bob").exists() is found


@pytest.mark.django_db
def test_the_1777_number_of_somebody_who_is_no_agent_is_refused(client, alice):
    assert list(errors(sign_up(client, agent_id=alice.number))) == ["agent_id"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("username", "message"),
    [
        ("al", "Ensure this value has at least 3 characters (it has 2)."),
        ("alice@example.com", "Use letters, digits and . _ - + only, without spaces and without @."),
        ("al ice", "Use letters, digits and . _ - + only, without spaces and without @."),
        ("älice", "Use letters, digits and . _ - + only, without spaces and without @."),
        ("17771234567", "A username cannot look like a 1777 number. Choose another one."),
        ("1777-123-4567", "A username cannot look like a 1777 number. Choose another one."),
        ("+1777.123_4567", "A username cannot look like a 1777 number. Choose another one."),
        ("alice", "This username is taken. Choose another one."),
        ("ALICE", "This username is taken. Choose another one."),
        ("admin", "This username is reserved. Choose another one."),
        ("bo\x00b", "Null characters are not allowed."),
        ("b" * 41, "Ensure this value has at most 40 characters (it has 41)."),
    ],
)
def test_usernames_that_are_refused(client, alice, username, message):
    assert errors(sign_up(client, username=username))["username"] == [message]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Bob\r\nBcc: sam@example.com"),
        ("name", "Bob\x00"),
        ("name", "B" * 101),
        ("email", "bob\x00@example.com"),
        ("email", "bob@example.com\r\nBcc: sam@example.com"),
        ("email", "b" * 300 + "@example.com"),
        ("country", "US\x00"),
        ("country", "ZZ"),
        ("time_zone", "Mars/Olympus"),
        ("agent_id", "A\x00"),
        ("agent_id", "A" * 10_000),
        ("password1", "short"),
        ("password1", ""),
    ],
)
def test_bad_input_is_a_form_error(client, field, value):
    response = sign_up(client, **{field: value})
    assert (response.status_code, list(errors(response))) == (200, [field])
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_known_email_address_is_answered_like_an_unknown_one(alice):
    unknown, known = Client(), Client()
    first = sign_up(unknown, username="bob", email="bob@example.com")
    second = sign_up(known, username="bobby", email=alice.user.email)
    assert (first.status_code, first.url) == (second.status_code, second.url)
    pages = [
        client.get(reverse("account_email")).content.decode().replace(email, "MAIL")
        for client, email in ((unknown, "bob@example.com"), (known, alice.user.email))
    ]
    assert pages[0].count("MAIL") == pages[1].count("MAIL")
    assert "We have sent a link to MAIL. Follow it to confirm the address." in pages[0]
    assert "We have sent a link to MAIL. Follow it to confirm the address." in pages[1]


@pytest.mark.django_db
def test_the_owner_of_a_known_email_address_is_told_so(client, alice, mailoutbox):
    sign_up(client, email=alice.user.email)
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == ([alice.user.email], "You already have a Callcentric account")
    assert "  Your username: alice" in mail.body.splitlines()
    assert "confirm-email" not in mail.body


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_two_who_sign_up_with_one_username_at_once():
    start = threading.Barrier(4)
    statuses = []

    def work(number):
        client = Client()
        start.wait()
        statuses.append(sign_up(client, email=f"bob{number}@example.com").status_code)
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Losers are refused by the form (200) or, in the same instant, by the database (409); never by an error.
    assert sorted(status for status in statuses if status not in (200, 409)) == [302]
    assert User.objects.count() == Account.objects.count() == EmailAddress.objects.count() == 1


# --- What the database keeps ---


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("username", "constraint"),
    [
        ("Alice", "username_is_lower_case_and_plain"),
        ("alice@example.com", "username_is_lower_case_and_plain"),
        ("1777-123-4567", "username_is_no_account_number"),
        ("17771234567", "username_is_no_account_number"),
    ],
)
def test_constraints_on_usernames(username, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        UserFactory(username=username)


@pytest.mark.django_db
def test_a_number_has_one_account(alice):
    with pytest.raises(IntegrityError, match="account_number_has_one_account"):
        AccountFactory(number=alice.number)


@pytest.mark.django_db
def test_a_number_is_1777_and_seven_digits():
    with pytest.raises(IntegrityError, match="account_number_is_1777_and_seven_digits"):
        AccountFactory(number="17761234567")


@pytest.mark.django_db
def test_a_country_is_embargoed_once():
    embargo.load_embargo()
    with pytest.raises(IntegrityError, match="accounts_embargoedcountry_country_key"):
        EmbargoedCountry.objects.create(country="CU")
