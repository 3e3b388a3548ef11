"""The roles as the database has them, and how they are given and taken."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts.audit_log import NoReason
from accounts.models import AuditEntry, User
from staff import roles
from staff.roles import RolesRefused
from tests.factories import UserFactory
from tests.staff.people import somebody

pytestmark = pytest.mark.django_db


def written() -> dict[str, set[str]]:
    return {
        group.name: {f"{each.content_type.app_label}.{each.codename}" for each in group.permissions.all()}
        for group in Group.objects.prefetch_related("permissions__content_type")
    }


class TestLoading:
    def test_the_groups_are_as_declared(self):
        call_command("load_roles", verbosity=0)
        assert set(written()) == {"Support", "Billing", "Stock", "Administrators"}
        assert written()["Stock"] == {
            "catalog.view_price",
            "catalog.view_product",
            "phone_numbers.view_backorder",
            "phone_numbers.assign_number",
            *(
                f"phone_numbers.{word}_{model}"
                for model in ("localcalling", "offering", "prefix", "ratecenter", "region", "waittime")
                for word in ("view", "add", "change", "delete")
            ),
            "phone_numbers.view_phonenumber",
            "phone_numbers.add_phonenumber",
            "phone_numbers.move_number",
            "phone_numbers.view_stockload",
            "phone_numbers.add_stockload",
        }

    def test_administrators_may_what_each_may(self):
        roles.load()
        found = written()
        assert found["Administrators"] >= found["Support"] | found["Billing"] | found["Stock"]

    def test_money_and_rights_are_nobodys_but_theirs(self):
        roles.load()
        theirs = {
            "accounts.change_roles": ["Administrators"],
            "accounts.change_user": ["Administrators"],
            "accounts.add_user": ["Administrators"],
            "accounts.view_user": ["Administrators"],
            "accounts.view_as_customer": ["Administrators", "Support"],
            "billing.credit_account": ["Administrators", "Billing"],
            "billing.refund_charge": ["Administrators", "Billing"],
            "billing.cancel_service": ["Administrators", "Billing"],
            "billing.run_cycle": ["Administrators", "Billing"],
            "billing.confirm_911": ["Administrators", "Support"],
            "phone_numbers.move_number": ["Administrators", "Stock"],
            "phone_numbers.assign_number": ["Administrators", "Stock"],
            "catalog.add_price": ["Administrators"],
        }
        assert {each: sorted(name for name, may in written().items() if each in may) for each in theirs} == theirs

    def test_nobody_may_change_what_has_happened(self):
        roles.load()
        given = set().union(*written().values())
        history = {"accounts.auditentry", "billing.transfer", "billing.payment", "billing.ledgeraccount", "auth.group"}
        changing = {
            f"{model.split('.')[0]}.{word}_{model.split('.')[1]}"
            for model in history
            for word in ("add", "change", "delete")
        }
        assert given & changing == set()

    def test_loading_twice_changes_nothing(self):
        roles.load()
        before = written()
        member = somebody("Support")
        roles.load()
        assert (written(), roles.of(member)) == (before, ["Support"])

    def test_what_is_not_declared_any_more_goes(self):
        roles.load()
        before = written()
        Group.objects.get(name="Stock").permissions.add(Permission.objects.get(codename="change_user"))
        Group.objects.create(name="Retired")
        roles.load()
        assert written() == before

    def test_a_misspelt_word_is_found(self, monkeypatch):
        monkeypatch.setitem(roles.ROLES, "Stock", ({"billing.transfer": "veiw"},))
        with pytest.raises(LookupError, match="veiw"):
            roles.load()


class TestChanging:
    @pytest.fixture(autouse=True)
    def _loaded(self, sam):
        roles.load()

    def test_roles_are_given_and_written_down(self, sam):
        user = UserFactory(username="supporter")
        roles.change(user, roles=["Support"], by=sam, reason="Joins the desk.")
        roles.change(user, roles=["Billing", "Support"], by=sam, reason="Helps out.")
        user.refresh_from_db()
        assert (user.is_staff, user.is_superuser, roles.of(user)) == (True, False, ["Support", "Billing"])
        entries = AuditEntry.objects.order_by("pk").values_list("action", "by", "user", "reason", "details")
        assert list(entries) == [
            ("roles", sam.pk, user.pk, "Joins the desk.", "none → Support"),
            ("roles", sam.pk, user.pk, "Helps out.", "Support → Support, Billing"),
        ]

    def test_without_a_role_nobody_enters_the_admin(self, sam):
        user = somebody("Stock")
        roles.change(user, roles=[], by=sam, reason="Has left.")
        user.refresh_from_db()
        assert (user.is_staff, roles.of(user), user.has_perm("phone_numbers.view_phonenumber")) == (False, [], False)

    def test_a_superuser_stays_one(self, sam):
        roles.change(sam, roles=["Stock"], by=sam, reason="Has a look.")
        roles.change(sam, roles=[], by=sam, reason="Has looked.")
        sam.refresh_from_db()
        assert (sam.is_staff, sam.is_superuser) == (True, True)

    def refused(self, user, asked, *, by, reason="Because.", words):
        before = (roles.of(user), User.objects.get(pk=user.pk).is_staff)
        with pytest.raises((RolesRefused, NoReason), match=words):
            roles.change(user, roles=asked, by=by, reason=reason)
        assert (roles.of(user), User.objects.get(pk=user.pk).is_staff) == before
        assert AuditEntry.objects.count() == 0

    def test_not_to_a_customer(self, alice, sam):
        self.refused(alice.user, ["Support"], by=sam, words="This is a customer's login")

    def test_not_to_a_login_that_is_switched_off(self, sam):
        self.refused(UserFactory(is_active=False), ["Support"], by=sam, words="switched off")

    def test_not_the_roles_they_have(self, sam):
        self.refused(somebody("Stock"), ["Stock"], by=sam, words="the roles that this person has")

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_not_without_a_reason(self, sam, reason):
        self.refused(UserFactory(), ["Support"], by=sam, reason=reason, words="Say why")

    def test_not_the_last_who_may_give_them(self, sam):
        User.objects.filter(pk=sam.pk).update(is_superuser=False)
        last, off = somebody("Administrators"), somebody("Administrators")
        User.objects.filter(pk=off.pk).update(is_active=False)
        self.refused(last, ["Support"], by=last, words="Nobody would be left")
        second = somebody("Administrators")
        roles.change(last, roles=["Support"], by=last, reason="There are two.")
        assert (roles.of(last), roles.of(second)) == (["Support"], ["Administrators"])
