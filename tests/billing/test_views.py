"""Billing's pages: the happy path, the refusal and the stranger of each."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.urls import reverse

from billing import ledger
from billing.models import Card, LedgerAccount, Payment, Transfer
from callcentric import clock
from tests import localstripe
from tests.localstripe import add_card, answer_bank, charges, set_up
from tests.stripe_proxy import BROKEN, TIMEOUT_AFTER

TOKEN = UUID(int=7)
LISTS = ["billing", "transactions", "transactions_csv"]


def credit(account, amount, number=0):
    customer = ledger.of(account)
    return ledger.post(
        key=f"credit:{account.pk}:{number}",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=customer,
        amount=Decimal(amount),
        memo="Welcome",
        made_at=clock.now(),
    )


def text(response) -> str:
    return " ".join(response.content.decode().split())


def deposit(client, card, amount="20.00", *, token=TOKEN, **more):
    return client.post(reverse("deposit"), {"amount": amount, "card": card.pk, "token": token} | more)


class TestBilling:
    def test_it_shows_balance_cards_and_what_moved(self, alice, alice_client):
        credit(alice, "204.509")
        Card.objects.create(
            account=alice,
            stripe_id="pm_1",
            brand="visa",
            last4="4242",
            expires_month=1,
            expires_year=2026,
            is_default=True,
        )
        page = text(alice_client.get(reverse("billing")))
        for words in ["$204.50", "Add funds", "Visa 4242", "01/2026", "Expired", "Default", "Welcome"]:
            assert words in page

    def test_it_shows_nothing_of_anybody_else(self, alice, bob_client):
        credit(alice, "204.00")
        page = text(bob_client.get(reverse("billing")))
        assert ("$0.00" in page, "$204" in page, "No card yet" in page) == (True, False, True)

    @pytest.mark.parametrize("rows", [1, 3])
    @pytest.mark.parametrize(("name", "queries"), list(zip(LISTS, [10, 7, 5], strict=True)))
    def test_a_constant_number_of_queries(self, alice, alice_client, django_assert_num_queries, name, queries, rows):
        for number in range(rows):
            credit(alice, "10.00", number)
            ledger.charge(
                account=alice, key=f"o{number}", net=Decimal(1), tax=Decimal("0.09"), memo="Order", made_at=clock.now()
            )
            card = Card.objects.create(
                account=alice,
                stripe_id=f"pm_{number}",
                brand="visa",
                last4="4242",
                expires_month=1,
                expires_year=2040,
            )
            Payment.objects.create(account=alice, card=card, purpose="order", amount=1, token=uuid4(), state="sent")
        with django_assert_num_queries(queries):
            assert alice_client.get(reverse(name)).status_code == 200


class TestTransactions:
    def test_a_filter_that_is_nonsense_shows_all(self, alice, alice_client):
        credit(alice, "10.00")
        page = alice_client.get(reverse("transactions"), {"kind": "x", "month": "x", "page": "x"})
        assert len(page.context["lines"]) == 1

    def test_filtered_the_same_way_as_the_csv(self, alice, alice_client):
        credit(alice, "10.00")
        month = f"{clock.today():%Y-%m}"
        for query, found in [({"kind": "credit", "month": month}, 1), ({"kind": "deposit"}, 0)]:
            assert len(alice_client.get(reverse("transactions"), query).context["lines"]) == found
            csv = alice_client.get(reverse("transactions_csv"), query).content.decode()
            assert len(csv.splitlines()) == 1 + found

    def test_25_on_a_page(self, alice, alice_client):
        for number in range(26):
            credit(alice, "1.00", number)
        page = alice_client.get(reverse("transactions"), {"kind": "credit", "page": 2})
        assert len(page.context["lines"]) == 1
        assert "?kind=credit&amp;page=1" in text(page)

    def test_the_csv_names_the_account_and_the_day(self, alice, alice_client):
        response = alice_client.get(reverse("transactions_csv"))
        assert response["Content-Disposition"] == (
            f'attachment; filename="transactions-{alice.number}-{clock.today():%Y-%m-%d}.csv"'
        )


@pytest.mark.usefixtures("stripe_server")
class TestDeposit:
    def test_it_leads_to_the_payment(self, alice, alice_client):
        response = deposit(alice_client, add_card(alice))
        assert (response.status_code, response.url) == (303, f"/billing/payments/{TOKEN}/")
        page = text(alice_client.get(response.url))
        assert "Visa 4242 was charged $20.00, once. </strong>" in page.replace("once.<", "once. <")
        assert "Your balance is $20.00." in page

    def test_the_same_form_twice_is_one_charge(self, alice, alice_client):
        card = add_card(alice)
        deposit(alice_client, card)
        again = deposit(alice_client, card, "50.00")
        page = text(alice_client.get(again.url))
        assert "This form was sent before. It was charged once at most, as you see here." in page
        assert [charge["amount"] for charge in charges(alice)] == [2000]

    @pytest.mark.parametrize(
        ("amount", "refusal"),
        [
            ("4.99", "The smallest deposit is $5.00."),
            ("500.01", "You can add $500.00 a day at most"),
            ("5.001", "Ensure that there are no more than 2 decimal places."),
            ("", "This field is required."),
            ("much", "Enter a number."),
        ],
    )
    def test_an_amount_against_the_rule(self, alice, alice_client, amount, refusal):
        response = deposit(alice_client, add_card(alice), amount)
        assert (response.status_code, refusal in text(response)) == (422, True)
        assert Payment.objects.count() == 0

    def test_another_customers_card(self, alice, bob_client):
        assert deposit(bob_client, add_card(alice)).status_code == 422

    def test_another_customers_token(self, alice, bob, alice_client, bob_client):
        deposit(alice_client, add_card(alice))
        assert deposit(bob_client, add_card(bob)).status_code == 422
        assert charges(bob) == []

    def test_an_expired_card(self, alice, alice_client):
        card = add_card(alice)
        Card.objects.update(expires_year=2020)
        response = deposit(alice_client, card)
        assert (response.status_code, "You have no card that is good today." in text(response)) == (422, True)

    def test_a_declined_card(self, alice, alice_client):
        response = deposit(alice_client, add_card(alice, localstripe.DECLINED_WHEN_CHARGED))
        page = text(alice_client.get(response.url))
        assert "The payment of $20.00 was not made." in page
        assert "Your bank declined the card." in page
        assert "/billing/deposit/?amount=20.00" in page

    def test_without_a_card_the_amount_is_kept_on_the_way(self, alice, alice_client):
        page = alice_client.get(reverse("deposit"), {"amount": "33.00", "next": "/checkout/"})
        way = page.context["add_card"]
        added = alice_client.post(way, {"setup_intent": set_up(alice), "next": alice_client.get(way).context["next"]})
        back = alice_client.get(added.url)
        assert (added.status_code, back.context["form"]["amount"].value(), back.context["next"]) == (
            303,
            "33.00",
            "/checkout/",
        )

    def test_going_back_and_adding_the_same_again_is_asked_about(self, alice, alice_client):
        card = add_card(alice)
        deposit(alice_client, card, "17.00")
        asked = deposit(alice_client, card, "17.00", token=uuid4())
        assert (asked.status_code, ledger.of(alice).balance) == (409, 17)
        assert "Add the same amount once more" in text(asked)
        assert deposit(alice_client, card, "17.00", token=uuid4(), once_more="on").status_code == 303
        assert ledger.of(alice).balance == 34

    @pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org/", "javascript:alert(1)", "word"])
    def test_it_leads_nowhere_else(self, alice, alice_client, elsewhere):
        assert alice_client.get(reverse("deposit"), {"next": elsewhere}).context["next"] == ""


@pytest.mark.usefixtures("stripe_server")
class TestPayment:
    @pytest.fixture
    def asked(self, alice, alice_client) -> str:
        """The address of a payment that the bank wants confirmed."""
        return deposit(alice_client, add_card(alice, localstripe.WANTS_3DS)).url

    def test_a_stranger_does_not_find_it(self, alice, alice_client, bob_client):
        page = deposit(alice_client, add_card(alice)).url
        assert bob_client.get(page).status_code == 404
        assert bob_client.post(f"{page}check/").status_code == 404
        assert bob_client.post(f"{page}cancel/").status_code == 404

    def test_a_time_out_after_stripe_took_the_money(self, alice, alice_client, stripe_server):
        card = add_card(alice)
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        page = deposit(alice_client, card).url
        shown = text(alice_client.get(page))
        assert "We are asking the bank what became of this payment." in shown
        assert '<meta http-equiv="refresh"' in shown
        assert "Check again" in shown
        assert alice_client.post(f"{page}check/").status_code == 303
        assert "was charged $20.00, once." in text(alice_client.get(page))
        assert len(charges(alice)) == 1

    def test_the_page_that_waits_is_told_when_to_reload(self, alice, alice_client, stripe_server):
        card = add_card(alice)
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        page = deposit(alice_client, card, next="/cart/").url
        stripe_server.fail_next("/payment_intents/", BROKEN)
        htmx = {"HX-Request": "true"}
        waiting = alice_client.post(f"{page.partition('?')[0]}check/", {"next": "/cart/"}, headers=htmx)
        assert text(waiting).startswith('<div id="payment-state">')
        done = alice_client.post(f"{page.partition('?')[0]}check/", {"next": "/cart/"}, headers=htmx)
        assert done.headers["HX-Redirect"] == "/cart/"

    def test_confirmed_with_the_bank(self, alice, alice_client, asked, settings):
        shown = text(alice_client.get(asked))
        payment = Payment.objects.get()
        assert "Your bank wants you to confirm this payment." in shown
        assert f'data-secret="{payment.stripe_id}_secret_' in shown
        assert settings.STRIPE_JS_URL in shown
        answer_bank(payment.stripe_id, agree=True)
        alice_client.post(f"{asked}check/")
        assert "was charged $20.00, once." in text(alice_client.get(asked))

    def test_not_confirmed_with_the_bank(self, alice_client, asked):
        answer_bank(Payment.objects.get().stripe_id, agree=False)
        alice_client.post(f"{asked}check/")
        assert "The payment was not confirmed with your bank." in text(alice_client.get(asked))

    def test_cancelled(self, alice, alice_client, asked):
        assert alice_client.post(f"{asked}cancel/").status_code == 303
        assert "You cancelled the payment. Nothing was charged." in text(alice_client.get(asked))
        assert charges(alice) == []

    def test_cancelling_while_stripe_is_away(self, alice_client, asked, stripe_server):
        stripe_server.fail_next("/cancel$", BROKEN)
        page = alice_client.post(f"{asked}cancel/", follow=True)
        assert "so the payment is not cancelled yet" in text(page)

    def test_the_question_while_stripe_is_away(self, alice_client, asked, stripe_server):
        stripe_server.fail_next("/payment_intents/", BROKEN)
        shown = text(alice_client.get(asked))
        assert "We could not reach the bank just now." in shown
        assert "data-secret" not in shown

    @pytest.mark.parametrize("name", ["payment_check", "payment_cancel"])
    def test_only_by_post(self, alice_client, asked, name):
        assert alice_client.get(reverse(name, args=[TOKEN])).status_code == 405


@pytest.mark.usefixtures("stripe_server")
class TestCards:
    def test_the_page_has_what_stripe_js_needs(self, alice, alice_client, settings):
        shown = text(alice_client.get(reverse("card_add")))
        assert f'src="{settings.STRIPE_JS_URL}"' in shown
        assert f'data-key="{settings.STRIPE_PUBLISHABLE_KEY}"' in shown
        assert "The card field needs JavaScript" in shown
        assert settings.STRIPE_SECRET_KEY not in shown

    def test_added(self, alice, alice_client):
        page = alice_client.post(reverse("card_add"), {"setup_intent": set_up(alice)}, follow=True)
        assert page.redirect_chain == [("/billing/", 303)]
        assert "Visa 4242 has been added to your cards." in text(page)

    def test_added_on_the_way_to_checkout(self, alice, alice_client):
        page = alice_client.post(reverse("card_add"), {"setup_intent": set_up(alice), "next": "/checkout/"})
        assert (page.status_code, page.url) == (303, "/checkout/")

    def test_refused(self, alice, bob_client):
        page = bob_client.post(reverse("card_add"), {"setup_intent": set_up(alice)})
        assert (page.status_code, "The card was not added." in text(page)) == (422, True)

    def test_stripe_is_away(self, alice_client, stripe_server):
        stripe_server.fail_next("/setup_intents$", BROKEN)
        page = alice_client.get(reverse("card_add"))
        assert (page.status_code, "could not be reached" in text(page), "card-form" in text(page)) == (
            503,
            True,
            False,
        )

    def test_default_and_removed(self, alice, alice_client):
        first, second = add_card(alice), add_card(alice)
        page = alice_client.post(reverse("card_default", args=[second.pk]), follow=True)
        assert "Visa 4242 is your default card now." in text(page)
        page = alice_client.post(reverse("card_remove", args=[second.pk]), follow=True)
        assert "Visa 4242 has been removed. Your default card is Visa 4242." in text(page)
        page = alice_client.post(reverse("card_remove", args=[first.pk]), follow=True)
        assert "You have no card left, so renewals come from your balance alone." in text(page)
        assert alice_client.post(reverse("card_remove", args=[first.pk])).status_code == 404

    def test_an_expired_default_is_refused(self, alice, alice_client):
        add_card(alice)
        second = add_card(alice)
        Card.objects.filter(pk=second.pk).update(expires_year=2020)
        page = alice_client.post(reverse("card_default", args=[second.pk]), follow=True)
        assert "cannot be your default card" in text(page)

    @pytest.mark.parametrize("name", ["card_default", "card_remove"])
    def test_a_stranger(self, alice, bob_client, name):
        card = add_card(alice)
        assert bob_client.post(reverse(name, args=[card.pk])).status_code == 404
        assert bob_client.get(reverse(name, args=[card.pk])).status_code == 405
        card.refresh_from_db()
        assert (card.is_default, card.removed_at) == (True, None)


class TestAdmin:
    @pytest.mark.parametrize("model", ["ledgeraccount", "transfer", "payment", "card", "stripeevent"])
    def test_staff_read_money_and_change_none(self, alice, sam_client, stripe_server, alice_client, model):
        deposit(alice_client, add_card(alice))
        assert sam_client.get(reverse(f"admin:billing_{model}_changelist")).status_code == 200
        assert sam_client.get(reverse(f"admin:billing_{model}_add")).status_code == 403
        row = LedgerAccount.objects.get(account=alice) if model == "ledgeraccount" else None
        pk = (
            row.pk
            if row
            else {"transfer": Transfer, "payment": Payment, "card": Card}.get(model, Card).objects.get().pk
        )
        if model != "stripeevent":
            assert sam_client.get(reverse(f"admin:billing_{model}_change", args=[pk])).status_code == 200
            assert sam_client.post(reverse(f"admin:billing_{model}_change", args=[pk]), {}).status_code == 403
            assert sam_client.post(reverse(f"admin:billing_{model}_delete", args=[pk]), {}).status_code == 403

    def test_staff_edit_tax_rates(self, sam_client):
        page = reverse("admin:billing_taxrate_add")
        assert sam_client.post(page, {"country": "US", "region": "NY", "rate": "0.08875"}).status_code == 302
