import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.urls import reverse
from post_office import mail

from accounts import embargo
from accounts.models import Account, EmbargoedCountry
from tests.factories import AccountFactory


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["account", "embargoedcountry"])
@pytest.mark.parametrize("rows", [1, 3])
def test_lists_cost_the_same_for_any_number_of_rows(sam_client, model, rows, django_assert_num_queries):
    for _ in range(rows):
        AccountFactory()
    EmbargoedCountry.objects.bulk_create(EmbargoedCountry(country=code) for code in ("CU", "IR", "IQ")[:rows])
    url = reverse(f"admin:accounts_{model}_changelist")
    sam_client.get(url)
    with django_assert_num_queries({"account": 6, "embargoedcountry": 4}[model]):
        assert sam_client.get(url).status_code == 200


@pytest.mark.django_db
def test_staff_find_an_account_by_number_or_name(sam_client, alice, bob):
    for typed in (alice.number, "Alice", "alice@example.com"):
        response = sam_client.get(reverse("admin:accounts_account_changelist"), {"q": typed})
        assert list(response.context["cl"].queryset) == [alice]


@pytest.mark.django_db
def test_staff_change_no_number(sam_client, alice):
    url = reverse("admin:accounts_account_change", args=[alice.pk])
    assert list(sam_client.get(url).context["adminform"].form.fields) == ["name", "phone", "time_zone"]
    sent = {"name": "Alice B.", "phone": "", "time_zone": "UTC", "pays_from": "card", "number": "17770000000"}
    assert sam_client.post(url, sent).status_code == 302
    kept = Account.objects.values_list("name", "number", "pays_from").get(pk=alice.pk)
    assert kept == ("Alice B.", alice.number, "balance")


@pytest.mark.django_db
def test_accounts_are_neither_made_nor_deleted_by_hand(sam_client, alice):
    assert sam_client.get(reverse("admin:accounts_account_add")).status_code == 403
    assert sam_client.post(reverse("admin:accounts_account_delete", args=[alice.pk])).status_code == 403


@pytest.mark.django_db
def test_staff_keep_the_embargo_list(sam_client, alice_client):
    sam_client.post(reverse("admin:accounts_embargoedcountry_add"), {"country": "BY"})
    with pytest.raises(embargo.NotServed, match="We cannot serve addresses in Belarus"):
        embargo.check("BY")


@pytest.mark.django_db
def test_staff_turn_off_a_two_factor_login_and_never_see_its_secret(sam_client, alice):
    secret = generate_totp_secret()
    totp = TOTP.activate(alice.user, secret).instance
    url = reverse("admin:mfa_authenticator_change", args=[totp.pk])
    page = sam_client.get(url)
    assert (page.status_code, secret in page.content.decode()) == (200, False)
    sam_client.post(reverse("admin:mfa_authenticator_delete", args=[totp.pk]), {"post": "yes"})
    assert not is_mfa_enabled(alice.user)


def test_staff_have_no_list_of_sessions():
    assert not admin.site.is_registered(UserSession)


@pytest.mark.django_db
def test_staff_see_that_an_e_mail_was_sent_but_not_the_link_in_it(sam_client):
    sent = mail.send("alice@example.com", "help@example.com", subject="Reset", message="http://secret-link/")
    listed = sam_client.get(reverse("admin:post_office_email_changelist")).content.decode()
    shown = sam_client.get(reverse("admin:post_office_email_change", args=[sent.pk])).content.decode()
    assert ("Reset" in listed, "Reset" in shown) == (True, True)
    assert ("secret-link" in listed, "secret-link" in shown) == (False, False)
    assert sam_client.post(reverse("admin:post_office_email_delete", args=[sent.pk])).status_code == 403
