"""Two-factor login, and the staff's door."""

import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client
from django.urls import reverse

from tests.accounts.logins import MISMATCH, PASSWORD, PAUSED, errors, is_logged_in, log_in


@pytest.mark.django_db
def test_with_two_factor_login_the_password_is_not_enough(client, alice):
    TOTP.activate(alice.user, generate_totp_secret())
    assert log_in(client, "alice").url == reverse("mfa_authenticate")
    assert not is_logged_in(client)
    response = client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert response.status_code == 200
    assert not is_logged_in(client)


def right_code(secret: str) -> str:
    counters = list(yield_hotp_counters_from_time())
    return format_hotp_value(hotp_value(secret, counters[len(counters) // 2]))


@pytest.mark.django_db
def test_a_right_code_logs_in(client, alice):
    secret = generate_totp_secret()
    TOTP.activate(alice.user, secret)
    log_in(client, "alice", next="/cart/")
    response = client.post(reverse("mfa_authenticate"), {"code": right_code(secret)})
    assert response.url == "/cart/"
    assert client.session["_auth_user_id"] == str(alice.user.pk)


@pytest.mark.django_db
def test_five_wrong_codes_pause_too(client, alice):
    secret = generate_totp_secret()
    TOTP.activate(alice.user, secret)
    log_in(client, "alice")
    for _ in range(5):
        client.post(reverse("mfa_authenticate"), {"code": "000000"}, REMOTE_ADDR="192.0.2.1")
    response = client.post(reverse("mfa_authenticate"), {"code": right_code(secret)}, REMOTE_ADDR="192.0.2.2")
    assert errors(response) == {"code": [PAUSED]}
    assert not is_logged_in(client)


@pytest.mark.django_db
def test_a_right_code_does_not_forget_the_failures_of_its_address(client, alice, bob):
    secret = generate_totp_secret()
    TOTP.activate(bob.user, secret)
    for _ in range(4):
        log_in(Client(), "alice", "wrong")
    log_in(client, "bob")
    client.post(reverse("mfa_authenticate"), {"code": right_code(secret)}, REMOTE_ADDR="192.0.2.1")
    assert is_logged_in(client)
    # The fifth failure of the address is not the fifth of the name.
    log_in(Client(), "nobody", "wrong")
    assert errors(log_in(Client(), "alice")) == {"__all__": [PAUSED]}


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["", "0\x000000", "0" * 5000])
def test_a_bad_code_is_a_form_error(client, alice, code):
    TOTP.activate(alice.user, generate_totp_secret())
    log_in(client, "alice")
    assert list(errors(client.post(reverse("mfa_authenticate"), {"code": code}))) == ["code"]


@pytest.mark.django_db
def test_the_admin_has_no_login_of_its_own(client, sam):
    response = client.get(reverse("admin:login"))
    assert (response.status_code, response.url) == (302, "/accounts/login/?next=%2Fadmin%2Flogin%2F")
    response = client.post(reverse("admin:login"), {"username": "sam", "password": PASSWORD})
    assert response.status_code == 302
    assert not is_logged_in(client)


@pytest.mark.django_db
def test_staff_are_paused_too(sam):
    for attempt in range(5):
        log_in(Client(), "sam", "wrong", ip=f"192.0.2.{attempt}", next="/admin/")
    assert errors(log_in(Client(), "sam", ip="192.0.2.99", next="/admin/")) == {"__all__": [PAUSED]}


@pytest.mark.django_db
def test_customers_have_no_way_into_the_admin(alice_client):
    assert alice_client.get(reverse("admin:index")).status_code == 302
    assert alice_client.get(reverse("admin:login")).status_code == 403


@pytest.mark.django_db
def test_a_closed_login_is_told_so_only_with_the_right_password(client, alice):
    alice.user.is_active = False
    alice.user.save()
    assert errors(log_in(client, "alice", "wrong")) == {"__all__": [MISMATCH]}
    assert log_in(client, "alice").url == reverse("account_inactive")
    assert not is_logged_in(client)
