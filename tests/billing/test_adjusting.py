"""What staff give: credits, and charges back; by the rule, and on the pages of the admin."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.urls import reverse
from post_office.models import Email

from accounts.audit_log import NoReason
from accounts.models import Account, AuditEntry
from billing import adjusting, ledger
from billing.adjusting import AdjustmentRefused
from billing.models import Transfer
from tests.billing.movements import at, charge, put_in
from tests.crowds import at_once
from tests.factories import AccountFactory
from tests.staff.people import client_of, somebody

pytestmark = pytest.mark.django_db

D = Decimal
NOW = at(1, 11)
WORDS = "Sorry for the trouble on Monday"


def credit(account, by, amount="5.00", **more) -> Transfer:
    about = {"words": WORDS, "reason": "Ticket ABC.", "token": uuid4(), "now": NOW, **more}
    return adjusting.credit(account=account, amount=D(amount), by=by, **about)


def refund(charged, by, net: str | None = None, **more) -> Transfer:
    about = {"words": WORDS, "reason": "Ticket ABC.", "token": uuid4(), "now": NOW, **more}
    return adjusting.refund(charge=charged, net=D(net) if net else None, by=by, **about)


def balance(account: Account) -> Decimal:
    return ledger.of(account).balance


def entries() -> list[tuple]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "account__name", "reason", "details"))


@pytest.fixture
def charged(alice) -> Transfer:
    """$10.00 and $0.89 of tax, from $20.00."""
    put_in(alice, "20", at(1, 2))
    return charge(alice, "10", "0.89", at(1, 3), key="order:ABC", memo="Order ABC")


class TestCredit:
    def test_it_is_in_the_balance_in_the_log_and_in_an_e_mail(self, alice, sam):
        given = credit(alice, sam, "5.25")
        assert (given.kind, given.source.kind, given.memo, balance(alice)) == ("credit", "adjustment", WORDS, D("5.25"))
        assert entries() == [("credit", "Alice", "Ticket ABC.", f"$5.25: {WORDS}")]
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (["alice@example.com"], "We have added $5.25 to your balance")
        assert f"we have added $5.25 to your balance: {WORDS}\n" in mail.message
        assert "Your balance is $5.25 now." in mail.message
        assert "Ticket ABC" not in mail.message
        call_command("check_ledger")

    def test_one_token_gives_once(self, alice, sam):
        token = uuid4()
        assert credit(alice, sam, token=token) == credit(alice, sam, token=token)
        assert (balance(alice), len(entries()), Email.objects.count()) == (D(5), 1, 1)

    @pytest.mark.parametrize("other", [{"amount": "6.00"}, {"words": "Sorry"}, {"account": "bob"}])
    def test_the_form_sent_again_with_something_else_is_told_so(self, alice, bob, sam, other):
        token = uuid4()
        credit(alice, sam, token=token)
        account = bob if other.pop("account", None) else alice
        with pytest.raises(AdjustmentRefused, match=r"This form was sent before, and gave \$5.00: Sorry"):
            credit(account, sam, token=token, **other)
        assert (balance(alice), balance(bob), len(entries())) == (5, 0, 1)

    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ("0", "above zero"),
            ("-1", "above zero"),
            ("0.001", "whole cents"),
            ("500.01", r"A credit is \$500.00 at most"),
        ],
    )
    def test_amounts_against_the_rule(self, alice, sam, amount, words):
        with pytest.raises(AdjustmentRefused, match=words):
            credit(alice, sam, amount)
        assert (balance(alice), entries()) == (D(0), [])

    @pytest.mark.parametrize("amount", ["0.01", "500.00"])
    def test_amounts_by_the_rule(self, alice, sam, amount):
        credit(alice, sam, amount)
        assert balance(alice) == D(amount)

    def test_not_without_a_reason(self, alice, sam):
        with pytest.raises(NoReason):
            credit(alice, sam, reason=" ")
        assert (balance(alice), Email.objects.count()) == (D(0), 0)

    def test_not_to_a_closed_account(self, alice, sam):
        Account.objects.update(closed_on=NOW)
        with pytest.raises(AdjustmentRefused, match="closed since 11 January 2027.*nothing is given to it"):
            credit(alice, sam)


class TestRefund:
    def test_all_of_it(self, alice, charged, sam):
        given = refund(charged, sam)
        assert (given.kind, given.refund_of, given.memo) == ("refund", charged, WORDS)
        assert (given.amount, given.tax.amount, balance(alice)) == (D(10), D("0.89"), D(20))
        assert entries() == [("refund", "Alice", "Ticket ABC.", "$10.00 and $0.89 of tax, of the charge order:ABC")]
        mail = Email.objects.get()
        assert mail.subject == "We have refunded $10.89 to your balance"
        assert f"given $10.89, tax included, back to your balance: {WORDS}\n" in mail.message
        assert "charged on 3 January 2027: Order ABC\n" in mail.message
        assert "Your balance is $20.00 now." in mail.message
        call_command("check_ledger")

    def test_parts_add_up_to_the_whole(self, alice, charged, sam):
        given = [refund(charged, sam, part) for part in ("3.33", "3.33", None)]
        assert [(each.amount, each.tax.amount) for each in given] == [
            (D("3.33"), D("0.30")),
            (D("3.33"), D("0.29")),
            (D("3.34"), D("0.30")),
        ]
        assert balance(alice) == D(20)

    def test_never_more_than_is_left(self, alice, charged, sam):
        refund(charged, sam, "4")
        with pytest.raises(AdjustmentRefused, match=r"Of this charge \$6.00 without tax is left"):
            refund(charged, sam, "6.01")
        refund(charged, sam, "6")
        for net in (None, "0.01"):
            with pytest.raises(AdjustmentRefused, match="All of this charge was refunded before"):
                refund(charged, sam, net)
        assert (balance(alice), len(entries())) == (D(20), 2)

    def test_one_token_gives_once(self, alice, charged, sam):
        token = uuid4()
        assert refund(charged, sam, "4", token=token) == refund(charged, sam, "4", token=token)
        assert (len(entries()), Email.objects.count(), Transfer.objects.filter(kind="refund").count()) == (1, 1, 1)

    @pytest.mark.parametrize("net", [None, "10"])
    def test_all_of_it_with_one_token_is_given_once(self, charged, sam, net):
        token = uuid4()
        assert refund(charged, sam, net, token=token) == refund(charged, sam, net, token=token)
        assert (len(entries()), Transfer.objects.filter(kind="refund").count()) == (1, 1)

    @pytest.mark.parametrize("net", ["5", None])
    def test_the_form_sent_again_with_something_else_is_told_so(self, charged, sam, net):
        token = uuid4()
        refund(charged, sam, "4", token=token)
        with pytest.raises(AdjustmentRefused, match=r"This form was sent before, and gave \$4.00"):
            refund(charged, sam, net, token=token)
        assert len(entries()) == 1

    def test_the_agent_gives_the_commission_back(self, sam):
        agent = AccountFactory(commission_percent=D(3))
        client = AccountFactory(referred_by=agent)
        put_in(client, "10", at(1, 2))
        charged = charge(client, "10", "0", at(1, 3))
        assert balance(agent) == D("0.30")
        refund(charged, sam, "5")
        assert balance(agent) == D("0.15")

    def test_only_charges(self, alice, sam):
        with pytest.raises(AdjustmentRefused, match="Only what a customer was charged"):
            refund(put_in(alice, "20", at(1, 2)), sam)

    @pytest.mark.parametrize("net", ["-1", "0.001"])
    def test_amounts_against_the_rule(self, charged, sam, net):
        with pytest.raises(AdjustmentRefused, match="above zero, in whole cents"):
            refund(charged, sam, net)

    def test_not_without_a_reason_nor_to_a_closed_account(self, alice, charged, sam):
        with pytest.raises(NoReason):
            refund(charged, sam, reason="")
        Account.objects.update(closed_on=NOW)
        with pytest.raises(AdjustmentRefused, match="closed"):
            refund(charged, sam)
        assert balance(alice) == D("9.11")


@pytest.mark.django_db(transaction=True)
def test_two_who_refund_at_once_give_no_more_than_there_is(alice, sam):
    put_in(alice, "20", at(1, 2))
    charged = charge(alice, "10", "0.89", at(1, 3))

    def give():
        try:
            refund(charged, sam, "6")
        except AdjustmentRefused:
            return "refused"

    results = at_once(give, give)
    assert sorted(map(str, results)) == ["None", "refused"]
    assert Transfer.objects.filter(kind="refund").count() == 1


class TestPages:
    CREDIT = {"amount": "5.00", "words": WORDS, "reason": "Ticket ABC."}

    @pytest.fixture
    def client(self):
        return client_of(somebody("Billing"))

    def credit_of(self, account: Account) -> str:
        return reverse("admin:billing_ledgeraccount_credit", args=[account.pk])

    def refund_of(self, transfer: Transfer) -> str:
        return reverse("admin:billing_transfer_refund", args=[transfer.pk])

    def test_a_credit(self, client, alice):
        token = client.get(self.credit_of(alice)).context["form"]["token"].value()
        typed = {**self.CREDIT, "token": str(token)}
        answers = [client.post(self.credit_of(alice), typed) for _ in range(2)]
        account = reverse("admin:accounts_account_change", args=[alice.pk])
        assert [(answer.status_code, answer.url) for answer in answers] == [(302, account)] * 2
        said = [str(message) for message in get_messages(answers[0].wsgi_request)]
        assert said == [f"{alice} has $5.00 more. An e-mail tells the customer."]
        assert (balance(alice), len(entries())) == (D(5), 1)

    @pytest.mark.parametrize(
        ("typed", "errors"),
        [
            ({"amount": ""}, ["amount"]),
            ({"amount": "0"}, ["amount"]),
            ({"amount": "1.001"}, ["amount"]),
            ({"amount": "NaN"}, ["amount"]),
            ({"amount": "501"}, ["__all__"]),
            ({"words": ""}, ["words"]),
            ({"words": "Two\nlines"}, ["words"]),
            ({"reason": " "}, ["reason"]),
            ({"words": "\u200b", "reason": "\u202e"}, ["words", "reason"]),
            ({"token": ""}, ["token"]),
        ],
    )
    def test_a_credit_refused(self, client, alice, typed, errors):
        answer = client.post(self.credit_of(alice), {**self.CREDIT, "token": str(uuid4()), **typed})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, errors)
        assert balance(alice) == D(0)

    def test_a_refund(self, client, alice, charged):
        page = client.get(self.refund_of(charged))
        assert page.context["form"]["words"].value() == "Order ABC"
        assert page.context["lead"][1].startswith("Left to refund: $10.00 and $0.89 of tax.")
        typed = {"amount": "", "words": "Order ABC", "reason": "Never worked.", "token": str(uuid4())}
        assert client.post(self.refund_of(charged), typed).status_code == 302
        assert balance(alice) == D(20)
        again = client.post(self.refund_of(charged), {**typed, "token": str(uuid4())})
        assert (again.status_code, list(again.context["form"].errors)) == (422, ["__all__"])

    @pytest.mark.parametrize("amount", ["0", "-3", "x", "11", "0.005"])
    def test_a_refund_refused(self, client, charged, amount):
        typed = {"amount": amount, "words": "x", "reason": "x", "token": str(uuid4())}
        assert client.post(self.refund_of(charged), typed).status_code == 422

    def test_only_charges_have_the_page_and_the_button(self, client, alice, charged):
        deposit = Transfer.objects.get(kind="deposit")
        pages = [client.get(reverse("admin:billing_transfer_change", args=[each.pk])) for each in (charged, deposit)]
        assert [page.content.decode().count("Refund this charge") for page in pages] == [1, 0]
        assert [client.get(self.refund_of(each)).status_code for each in (charged, deposit)] == [200, 403]

    def test_the_ways_there(self, client, alice, charged):
        account = client.get(reverse("admin:accounts_account_change", args=[alice.pk])).content.decode()
        assert ("$9.11" in account, self.credit_of(alice) in account) == (True, True)
        its_ledger = client.get(reverse("admin:billing_ledgeraccount_change", args=[ledger.of(alice).pk]))
        assert self.credit_of(alice) in its_ledger.content.decode()

    @pytest.mark.parametrize("role", ["Support", "Stock"])
    def test_not_for_other_roles(self, alice, charged, role):
        client = client_of(somebody(role))
        typed = {**self.CREDIT, "token": str(uuid4())}
        urls = [self.credit_of(alice), self.refund_of(charged)]
        assert [(client.get(url).status_code, client.post(url, typed).status_code) for url in urls] == [(403, 403)] * 2
        assert (balance(alice), entries()) == (D("9.11"), [])

    def test_the_customer_sees_it_among_the_transactions(self, alice, alice_client, sam):
        credit(alice, sam, reason="Only for us.")
        page = alice_client.get(reverse("transactions")).content.decode()
        assert (WORDS in page, "Only for us." in page) == (True, False)

    def test_nobody_is_found_by_a_number_that_is_none(self, client):
        assert client.get(reverse("admin:billing_ledgeraccount_credit", args=[0])).status_code == 404
        assert client.get("/admin/billing/transfer/x/refund/").status_code == 403
