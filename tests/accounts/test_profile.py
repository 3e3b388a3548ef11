import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import reverse

from accounts import embargo
from accounts.models import Account, Address

PROFILE = "/accounts/profile/"
ADDRESS = {
    "form": "address",
    "billing-country": "CA",
    "billing-street": "1 Test Street",
    "billing-city": "Toronto",
    "billing-region": "ON",
    "billing-postal_code": "m5v 2t6",
}


def stored(account: Account) -> dict:
    return Account.objects.filter(pk=account.pk).values().get()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "changed", "said"),
    [
        (
            {"form": "contact", "name": "Alice B.", "phone": "(212) 555-0100"},
            {"name": "Alice B.", "phone": "+1 212-555-0100"},
            "Your contact details are saved.",
        ),
        ({"form": "time_zone", "time_zone": "Asia/Tokyo"}, {"time_zone": "Asia/Tokyo"}, "Your time zone is saved."),
        (
            {"form": "billing_preference", "pays_from": "card"},
            {"pays_from": "card"},
            "Your billing preference is saved.",
        ),
    ],
)
def test_a_section_saves_its_own_fields(alice, alice_client, sent, changed, said):
    before = stored(alice)
    response = alice_client.post(PROFILE, sent)
    assert (response.status_code, response.url) == (302, f"{PROFILE}#{sent['form']}")
    assert stored(alice) == before | changed
    assert [str(message) for message in alice_client.get(PROFILE).context["messages"]] == [said]


@pytest.mark.django_db
def test_a_new_billing_address_leaves_the_old_row_to_what_was_billed(alice, alice_client):
    old = alice.billing_address
    assert alice_client.post(PROFILE, ADDRESS).status_code == 302
    alice.refresh_from_db()
    assert str(alice.billing_address) == "1 Test Street, Toronto, ON M5V 2T6, Canada"
    assert str(Address.objects.get(pk=old.pk)) == "1 Test Street, Albany, NY 12207, United States of America"


@pytest.mark.django_db
def test_showing_the_fields_of_another_country_saves_nothing(alice, alice_client):
    response = alice_client.post(PROFILE, ADDRESS | {"billing-country": "JP", "show_fields": "billing"})
    assert response.status_code == 200
    form = response.context["address_form"]
    assert (list(form.fields), form.errors) == (["country", "street", "region", "postal_code"], {})
    assert Address.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("country", embargo.FIRST_LIST)
def test_an_embargoed_billing_address_is_refused_and_nothing_typed_is_lost(alice, alice_client, country):
    embargo.load_embargo()
    response = alice_client.post(PROFILE, ADDRESS | {"billing-country": country, "billing-street": "9 Typed Street"})
    assert response.status_code == 422
    form = response.context["address_form"]
    assert form.errors["country"].data[0].code == "embargoed"
    assert (form["country"].value(), form["street"].value()) == (country, "9 Typed Street")
    assert stored(alice)["billing_address_id"] == alice.billing_address_id


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"form": "contact", "name": ""}, "name"),
        ({"form": "contact", "name": "Alice\r\nBcc: bob@example.com"}, "name"),
        ({"form": "contact", "name": "Alice\x00"}, "name"),
        ({"form": "contact", "name": "A" * 101}, "name"),
        ({"form": "contact", "name": "Alice", "phone": "call me"}, "phone"),
        ({"form": "contact", "name": "Alice", "phone": "123"}, "phone"),
        ({"form": "contact", "name": "Alice", "phone": "1" * 1000}, "phone"),
        ({"form": "time_zone", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"form": "billing_preference", "pays_from": "somebody else"}, "pays_from"),
        (ADDRESS | {"billing-postal_code": "12207"}, "postal_code"),
    ],
)
def test_a_refused_section_keeps_what_was_there(alice, alice_client, sent, field):
    before = stored(alice)
    response = alice_client.post(PROFILE, sent)
    assert response.status_code == 422
    assert list(response.context[f"{sent['form']}_form"].errors) == [field]
    assert stored(alice) == before
    assert response.context["request"].account.name == "Alice"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "number", "referred_by", "__class__"])
def test_a_section_that_is_none_is_not_found(alice_client, name):
    assert alice_client.post(PROFILE, {"form": name}).status_code == 404


@pytest.mark.django_db
def test_what_no_section_has_cannot_be_changed(alice, bob, alice_client):
    before = stored(alice)
    sent = {"form": "contact", "name": "Alice", "phone": "", "number": "17770000000", "user": bob.user.pk}
    alice_client.post(PROFILE, sent | {"pays_from": "card", "referred_by": bob.pk})
    assert stored(alice) == before


@pytest.mark.django_db
def test_a_section_does_not_undo_what_changed_meanwhile(alice, alice_client):
    alice_client.get(PROFILE)
    Account.objects.filter(pk=alice.pk).update(pays_from="card")
    alice_client.post(PROFILE, {"form": "contact", "name": "Alice B."})
    assert stored(alice)["pays_from"] == "card"


@pytest.mark.django_db
def test_everybody_sees_and_changes_their_own(alice, bob, bob_client):
    before = stored(alice)
    assert bob_client.get(PROFILE).context["account"] == bob
    bob_client.post(PROFILE, {"form": "contact", "name": "Robert", "account": alice.pk, "id": alice.pk})
    assert (stored(alice), stored(bob)["name"]) == (before, "Robert")


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_visitors_log_in_first(client, method):
    assert getattr(client, method)(PROFILE).url == f"{reverse('account_login')}?next={PROFILE}"


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_have_no_profile(sam_client, method):
    assert getattr(sam_client, method)(PROFILE).url == reverse("admin:index")


@pytest.mark.django_db
def test_other_methods_are_not_allowed(alice_client):
    assert alice_client.put(PROFILE).status_code == 405


@pytest.mark.django_db
def test_the_page_says_how_the_login_is_kept(alice, alice_client):
    context = alice_client.get(PROFILE).context
    assert (context["email_is_confirmed"], context["two_factor"]) == (True, False)
    TOTP.activate(alice.user, generate_totp_secret())
    assert alice_client.get(PROFILE).context["two_factor"] is True


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "account_email",
        "account_change_password",
        "account_logout",
        "account_reauthenticate",
        "mfa_index",
        "usersessions_list",
    ],
)
def test_the_pages_of_login_and_security_open(alice_client, name):
    response = alice_client.get(reverse(name))
    assert response.status_code == 200
    assert b" style=" not in response.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_done",
        "account_inactive",
        "forgot",
    ],
)
def test_the_public_pages_of_login_open(client, name):
    response = client.get(reverse(name))
    assert response.status_code == 200
    assert b" style=" not in response.content


@pytest.mark.django_db
def test_each_section_is_sent_with_its_token(alice_client):
    """As browsers send it: without the token nothing is saved."""
    forms = re.findall(r'<form[^>]*method="post".*?</form>', alice_client.get(PROFILE).content.decode(), re.DOTALL)
    named = {re.search(r'name="form" value="(\w+)"', form)[1] for form in forms if 'name="form"' in form}
    assert named == {"contact", "address", "service_address", "time_zone", "billing_preference"}
    assert [form for form in forms if "csrfmiddlewaretoken" not in form] == []
