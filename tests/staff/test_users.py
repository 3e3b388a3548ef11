"""Logins and roles in the admin; and what somebody with one role tries who would like more."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.urls import NoReverseMatch, reverse
from post_office import mail

from accounts.models import Account, AuditEntry, User
from staff import roles
from tests.factories import AccountFactory, UserFactory
from tests.staff.people import client_of, somebody

pytestmark = pytest.mark.django_db

USERS = reverse("admin:accounts_user_changelist")
ADD = reverse("admin:accounts_user_add")


def page_of(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def roles_of(user: User) -> str:
    return reverse("admin:accounts_user_change_roles", args=[user.pk])


def fields(client, user: User) -> list[str]:
    form = client.get(page_of(user)).context["adminform"].form
    return list(form.fields)


@pytest.fixture
def administrator():
    """An administrator."""
    return somebody("Administrators")


@pytest.fixture
def administrator_client(administrator):
    return client_of(administrator)


@pytest.fixture
def supporter():
    return somebody("Support")


@pytest.fixture
def support_client(supporter):
    return client_of(supporter)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long_it_is(sam_client, rows, django_assert_num_queries):
    for _ in range(rows):
        AccountFactory()
        somebody("Support", "Stock")
    sam_client.get(USERS)
    with django_assert_num_queries(6):
        assert sam_client.get(USERS).status_code == 200


class TestLogins:
    TYPED = {"username": "bob", "email": "bob@example.com"} | dict.fromkeys(
        ["password1", "password2"], "seven-brown-kettles"
    )

    def test_staff_are_added_without_a_right(self, administrator_client):
        assert administrator_client.post(ADD, self.TYPED).status_code == 302
        bob = User.objects.get(username="bob")
        assert (bob.email, bob.is_staff, bob.is_superuser, roles.of(bob)) == ("bob@example.com", False, False, [])
        assert bob.check_password("seven-brown-kettles")

    @pytest.mark.parametrize("rights", [{"is_staff": "on"}, {"is_superuser": "on"}, {"groups": "1"}])
    def test_rights_are_not_given_by_the_way(self, administrator_client, administrator, rights):
        administrator_client.post(ADD, self.TYPED | rights)
        bob = User.objects.get(username="bob")
        administrator_client.post(
            page_of(bob), {"username": "bob", "email": "b@example.com", "is_active": "on"} | rights
        )
        bob.refresh_from_db()
        assert (bob.email, bob.is_staff, bob.is_superuser, roles.of(bob)) == ("b@example.com", False, False, [])

    @pytest.mark.parametrize("username", ["Bob", "bob@example.com", "1777-123-4567"])
    def test_staff_get_no_odd_usernames_either(self, administrator_client, username):
        response = administrator_client.post(ADD, self.TYPED | {"username": username})
        assert (response.status_code, list(response.context["adminform"].form.errors)) == (200, ["username"])

    def test_an_address_is_needed_for_a_forgotten_password(self, administrator_client):
        response = administrator_client.post(ADD, self.TYPED | {"email": ""})
        assert list(response.context["adminform"].form.errors) == ["email"]

    def test_of_a_customers_login_staff_switch_it_off_and_nothing_else(
        self, administrator_client, administrator, alice
    ):
        assert (fields(administrator_client, alice.user), fields(administrator_client, administrator)) == (
            ["is_active"],
            ["username", "email", "is_active"],
        )
        administrator_client.post(page_of(alice.user), {"email": "mine@example.com", "username": "mine"})
        alice.user.refresh_from_db()
        assert (alice.user.email, alice.user.username, alice.user.is_active) == ("alice@example.com", "alice", False)

    def test_nobody_sets_somebody_elses_password(self, sam_client, alice):
        with pytest.raises(NoReverseMatch):
            reverse("admin:auth_user_password_change", args=[alice.user.pk])
        before = alice.user.password
        sam_client.post(
            f"/admin/accounts/user/{alice.user.pk}/password/", dict.fromkeys(["password1", "password2"], "x")
        )
        alice.user.refresh_from_db()
        assert alice.user.password == before

    def test_a_superuser_is_changed_by_superusers_alone(self, administrator_client, sam_client, sam):
        typed = {"username": "sam", "email": "mine@example.com", "is_active": "on"}
        assert administrator_client.post(page_of(sam), typed).status_code == 403
        assert sam_client.post(page_of(sam), typed).status_code == 302

    def test_the_last_who_may_give_roles_is_not_switched_off(self, administrator_client, administrator):
        typed = {"username": administrator.username, "email": "administrator@example.com"}
        assert list(administrator_client.post(page_of(administrator), typed).context["adminform"].form.errors) == [
            "is_active"
        ]
        UserFactory(is_superuser=True)
        assert administrator_client.post(page_of(administrator), typed).status_code == 302

    def test_nobody_is_deleted(self, sam_client, alice):
        url = reverse("admin:accounts_user_delete", args=[alice.user.pk])
        assert sam_client.post(url, {"post": "yes"}).status_code == 403
        sam_client.post(USERS, {"action": "delete_selected", "_selected_action": [alice.user.pk], "post": "yes"})
        assert Account.objects.get() == alice


class TestRolesPage:
    def test_it_shows_what_somebody_has(self, administrator_client, supporter):
        form = administrator_client.get(roles_of(supporter)).context["form"]
        assert (form["roles"].value(), list(form.fields)) == (["Support"], ["roles", "reason"])

    def test_roles_change(self, administrator_client, administrator, supporter):
        answer = administrator_client.post(
            roles_of(supporter), {"roles": ["Support", "Billing"], "reason": "Helps out."}
        )
        assert (answer.status_code, answer.url, roles.of(supporter)) == (
            302,
            page_of(supporter),
            ["Support", "Billing"],
        )
        said = [str(message) for message in get_messages(answer.wsgi_request)]
        assert said == [f"{supporter.username} has these roles now: Support, Billing."]
        entry = AuditEntry.objects.get()
        assert (entry.by, entry.user, entry.reason, entry.details) == (
            administrator,
            supporter,
            "Helps out.",
            "Support → Support, Billing",
        )

    @pytest.mark.parametrize(
        ("typed", "errors"),
        [
            ({"roles": ["Billing"], "reason": ""}, ["reason"]),
            ({"roles": ["Billing"], "reason": "x" * 501}, ["reason"]),
            ({"roles": ["Superusers"], "reason": "Because."}, ["roles"]),
            ({"roles": ["Support"], "reason": "Because."}, ["__all__"]),
        ],
    )
    def test_refusals(self, administrator_client, supporter, typed, errors):
        answer = administrator_client.post(roles_of(supporter), typed)
        assert (answer.status_code, list(answer.context["form"].errors), roles.of(supporter)) == (
            422,
            errors,
            ["Support"],
        )

    def test_a_customers_login_has_no_such_page(self, sam_client, alice):
        assert sam_client.get(roles_of(alice.user)).status_code == 403
        assert "Change roles" not in sam_client.get(page_of(alice.user)).content.decode()

    def test_who_gives_up_the_role_is_led_to_what_is_left(self, administrator_client, administrator):
        somebody("Administrators")
        answer = administrator_client.post(roles_of(administrator), {"roles": ["Support"], "reason": "Enough."})
        assert (answer.url, administrator_client.get(answer.url).status_code) == ("/admin/", 200)

    def test_a_superusers_are_changed_by_superusers_alone(self, administrator_client, administrator, sam_client, sam):
        typed = {"roles": ["Support"], "reason": "Because."}
        assert administrator_client.post(roles_of(sam), typed).status_code == 403
        with pytest.raises(roles.RolesRefused, match="by superusers alone"):
            roles.change(sam, roles=["Support"], by=administrator, reason="Because.")
        assert roles.of(sam) == []
        sam_client.post(roles_of(sam), typed)
        assert roles.of(sam) == ["Support"]

    def test_the_last_administrator_stays_one(self, administrator_client, administrator):
        answer = administrator_client.post(roles_of(administrator), {"roles": [], "reason": "I am tired."})
        assert (answer.status_code, roles.of(administrator)) == (422, ["Administrators"])
        assert "Nobody would be left who may give roles." in answer.content.decode()

    @pytest.mark.parametrize("role", ["Support", "Billing", "Stock"])
    def test_nobody_gives_themselves_a_role(self, role):
        user = somebody(role)
        answer = client_of(user).post(roles_of(user), {"roles": ["Administrators"], "reason": "Mine."})
        assert (answer.status_code, roles.of(user)) == (403, [role])


class TestWithoutARole:
    def test_the_admin_says_so(self):
        page = client_of(UserFactory(is_staff=True)).get("/admin/")
        assert page.status_code == 200
        assert "You have no role yet" in page.content.decode()

    def test_whoever_has_one_is_not_told_so(self, support_client):
        assert "You have no role yet" not in support_client.get("/admin/").content.decode()

    def test_a_login_without_one_does_not_enter(self):
        client = client_of(UserFactory())
        assert client.get("/admin/", follow=True).status_code == 403


class TestSupportWantsMore:
    """What somebody with the role Support could try to become somebody else."""

    def test_the_groups_are_in_no_list(self):
        assert not admin.site.is_registered(Group)

    def test_logins_are_not_theirs(self, support_client, administrator, supporter):
        for url in (USERS, ADD, page_of(administrator), page_of(supporter), roles_of(supporter)):
            assert (support_client.get(url).status_code, support_client.post(url, {}).status_code) == (403, 403)

    def test_an_account_keeps_its_owner_and_its_money(self, support_client, alice, bob):
        url = reverse("admin:accounts_account_change", args=[alice.pk])
        typed = {"name": "Alice B.", "phone": "", "time_zone": "UTC"}
        more = {"user": bob.user_id, "pays_from": "card", "commission_percent": "20", "closed_on": "2027-01-01"}
        assert support_client.post(url, typed | more).status_code == 302
        kept = Account.objects.values_list("name", "user", "pays_from", "commission_percent", "closed_on")
        assert kept.get(pk=alice.pk) == ("Alice B.", alice.user_id, "balance", None, None)

    def test_links_in_e_mails_are_not_guessed_letter_by_letter(self, support_client):
        mail.send("alice@example.com", "help@example.com", subject="Reset", message="http://secret-link/")
        emails = reverse("admin:post_office_email_changelist")
        for lookup in ("message__contains", "html_message__contains", "context__contains", "headers__contains"):
            assert support_client.get(emails, {lookup: "secret"}).status_code == 400
        assert support_client.get(emails, {"status__exact": "2"}).status_code == 200

    def test_secrets_of_two_factor_logins_neither(self, support_client, alice):
        TOTP.activate(alice.user, generate_totp_secret())
        logins = reverse("admin:mfa_authenticator_changelist")
        for lookup in ("data__icontains", "data__secret__startswith", "user__password__startswith"):
            assert support_client.get(logins, {lookup: "a"}).status_code == 400

    def test_two_factor_logins_of_staff_stay(self, support_client, administrator_client, administrator, alice):
        for user in (alice.user, administrator):
            TOTP.activate(user, generate_totp_secret())
        of_alice, of_administrator = (Authenticator.objects.get(user=user) for user in (alice.user, administrator))
        logins = reverse("admin:mfa_authenticator_changelist")
        chosen = {"action": "delete_selected", "_selected_action": [of_alice.pk, of_administrator.pk], "post": "yes"}
        delete_administrators = reverse("admin:mfa_authenticator_delete", args=[of_administrator.pk])
        support_client.post(delete_administrators, {"post": "yes"})
        support_client.post(logins, chosen)
        assert list(Authenticator.objects.all()) == [of_administrator]
        administrator_client.post(delete_administrators, {"post": "yes"})
        assert Authenticator.objects.count() == 0

    def test_nor_does_support_take_that_of_staff_who_have_an_account(self, support_client, alice):
        TOTP.activate(alice.user, generate_totp_secret())
        User.objects.filter(pk=alice.user_id).update(is_staff=True, is_superuser=True)
        delete = reverse("admin:mfa_authenticator_delete", args=[Authenticator.objects.get().pk])
        support_client.post(delete, {"post": "yes"})
        assert Authenticator.objects.count() == 1

    def test_an_administrator_does_not_take_a_superusers_either(self, administrator_client, sam_client, sam):
        of_sam = TOTP.activate(sam, generate_totp_secret()).instance
        delete = reverse("admin:mfa_authenticator_delete", args=[of_sam.pk])
        administrator_client.post(delete, {"post": "yes"})
        assert Authenticator.objects.count() == 1
        sam_client.post(delete, {"post": "yes"})
        assert Authenticator.objects.count() == 0

    def test_passwords_are_in_no_filter(self, sam_client, support_client):
        assert sam_client.get(USERS, {"password__startswith": "md5"}).status_code == 400
        accounts = reverse("admin:accounts_account_changelist")
        assert support_client.get(accounts, {"user__password__startswith": "md5"}).status_code == 400

    def test_only_what_they_see_completes_itself(self, support_client):
        url = reverse("admin:autocomplete")
        asked = {"app_label": "phone_numbers", "model_name": "offering", "field_name": "rate_center"}
        assert support_client.get(url, asked).status_code == 200
        assert client_of(UserFactory(is_staff=True)).get(url, asked).status_code == 403
