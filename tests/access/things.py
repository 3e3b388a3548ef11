"""Real things of Alice's, and of the house, for every address that names one."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.urls import reverse
from post_office import mail

from accounts import audit_log
from accounts.models import Account, AuditEntry, EmbargoedCountry, User
from agents.models import Agent
from billing import ledger, statements, taxes
from billing.models import (
    CardRefund,
    Cycle,
    CycleRun,
    Difference,
    Invoice,
    InvoiceLine,
    LedgerAccount,
    Match,
    OwedCommission,
    ParkedAccount,
    StripeEvent,
    TaxRate,
    Transfer,
)
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders.models import Cart, CartLine, Order
from phone_numbers.models import BackOrder, LocalCalling, Offering, PhoneNumber, Prefix, Region, StockLoad, WaitTime
from support.attachments import judge
from support.faq.loading import load as load_faq
from support.faq.models import FaqCategory, FaqQuestion, MissedSearch
from support.models import CannedAnswer, Ticket
from tests.agents.making import an_agent
from tests.billing.movements import at, charge, put_in
from tests.factories import AccountFactory, PhoneNumberFactory, RateCenterFactory, hold_number
from tests.localstripe import add_card
from tests.orders.losing import a_number, lose
from tests.orders.waiting import wait_in_line
from tests.support.conversations import PNG, open_ticket

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
JANUARY = date(2027, 1, 1)
# What these pages are asked for; without it they have nothing to show.
ASKED = {
    "order_lookup": "?product=pay-per-minute",
    "order_numbers": "?product=pay-per-minute",
    "admin:autocomplete": "?app_label=phone_numbers&model_name=offering&field_name=rate_center",
    "admin:search": "?s=account",
}


def addresses_of_the_portal(alice: Account) -> dict[str, list[Any]]:
    """What stands in the addresses of Alice's own pages, by their names."""
    order = an_order(alice)
    cart = Cart.objects.create(account=alice)
    line = cart.lines.create(product=Product.objects.get(code="pay-per-call"), kind="plan")
    number = a_number_in(cart)
    card = add_card(alice)
    payment = alice.payments.create(card=card, purpose="deposit", amount=5, token=uuid4())
    waiting, service = wait_in_line(order), hold_number(alice)
    put_in(alice, "20.00", at(1, 3))
    statements.make_all(month=JANUARY, now=at(2, 1, 3))
    lost = lose(a_number(alice, "15185550199"))
    ticket = open_ticket(alice, attached=[judge("screen.png", PNG)])
    load_faq()
    return {
        **dict.fromkeys(["statement", "statement_pdf", "statement_csv"], [JANUARY]),
        **dict.fromkeys(["payment", "payment_check", "payment_cancel"], [payment.token]),
        **dict.fromkeys(["card_default", "card_remove"], [card.pk]),
        **dict.fromkeys(["service", "service_cancel", "service_keep"], [service.pk]),
        **dict.fromkeys(["ticket", "ticket_close", "ticket_reopen", "ticket_rate"], [ticket.reference]),
        **dict.fromkeys(["order_numbers", "coverage_area"], [number.rate_center_id]),
        "ticket_attachment": [ticket.messages.get().attachments.get().key],
        "view_as_customer": [alice.pk],
        "cart_remove": [line.pk],
        "cart_hold": [number.pk],
        "order_detail": [order.reference],
        "back_order_withdraw": [waiting.pk],
        "reclaim": [lost.pk],
        "account_confirm_email": ["no-such-key"],
        "account_reset_password_from_key": ["1", "no-such-key"],
        "faq_category": ["billing"],
        "faq_question": ["billing", "add-funds"],
    }


def an_order(account: Account) -> Order:
    addresses = {"billing_address": account.billing_address, "service_address": account.billing_address}
    nothing = dict.fromkeys(["tax_rate", "subtotal", "tax", "total"], 0)
    return Order.objects.create(account=account, token=uuid4(), **addresses, **nothing)


def a_number_in(cart: Cart) -> CartLine:
    product = Product.objects.get(code="pay-per-minute")
    return cart.lines.create(
        product=product, kind="did", rate_center=RateCenterFactory(), phone_number=PhoneNumberFactory()
    )


def rows_of_the_admin(alice: Account, sam: User) -> dict[type[Model], Model]:
    """One row of every model that the admin has, with Alice's own where there are some."""
    rows = [*_people(alice, sam), *_money(alice, sam), *_places(), *_support()]
    found = {type(row): row for row in rows}
    missing = set(admin.site._registry) - set(found)
    assert missing == set(), "Make a row of these too."
    return found


def arguments_of_the_admin(rows: dict[type[Model], Model]) -> dict[str, list[Any]]:
    """What stands in the addresses that are none of the five that the admin gives each model."""
    ticket: Any = rows[Ticket]
    question = rows[FaqQuestion]
    return {
        "accounts_user_change_roles": [rows[User].pk],
        "agents_agent_decide": [rows[Agent].pk, "close"],
        "app_list": ["support"],
        "billing_cyclerun_csv": [rows[CycleRun].pk],
        "billing_ledgeraccount_credit": [rows[Account].pk],
        "billing_transfer_refund": [rows[Transfer].pk],
        "phone_numbers_backorder_assign": [rows[BackOrder].pk],
        "phone_numbers_stockload_problems": [rows[StockLoad].pk],
        "support_ticket_attachment": [ticket.messages.get().attachments.get().key],
        "view_on_site": [ContentType.objects.get_for_model(question).pk, question.pk],
    }


def address(name: str, arguments: list[Any]) -> str:
    return reverse(name, args=arguments) + ASKED.get(name, "")


def _people(alice: Account, sam: User) -> list[Model]:
    somebody = User.objects.create_user("trainee", "trainee@example.com", is_staff=True)
    credit = {"action": AuditEntry.Action.CREDIT, "details": "$5.00"}
    return [
        alice,
        somebody,
        an_agent(AccountFactory()),
        audit_log.record(by=sam, account=alice, reason="Sorry.", **credit),
        EmbargoedCountry.objects.first(),
        TOTP.activate(alice.user, generate_totp_secret()).instance,
        mail.send(alice.user.email, "help@example.com", subject="Hello", message="Hello"),
    ]


def _money(alice: Account, sam: User) -> list[Model]:
    taxes.load()
    payment, service, owner = alice.payments.get(), alice.services.first(), {"account": alice, "month": JANUARY}
    assert service
    cycle = Cycle.objects.create(**owner)
    invoice = Invoice.objects.create(**owner, net=1, tax=0, issued_at=NOON)
    fates = {
        fate: {"accounts": 0, "total": "0", "from_balance": "0", "from_card": "0"}
        for fate in ("balance", "card", "fail", "parked")
    }
    changes = {change: {"accounts": 0, "difference": "0"} for change in ("more", "less", "same")}
    charged = charge(alice, "1.00", "0.09", NOON)
    run = {"on": NOON.date(), "month": JANUARY, "is_dry_run": True, "finished_at": NOON, "progressed_at": NOON}
    return [
        payment.card,
        payment,
        service,
        cycle,
        invoice,
        InvoiceLine.objects.create(invoice=invoice, service=service, month=JANUARY, amount=1),
        CycleRun.objects.create(**run, outcome=fates | changes),
        LedgerAccount.objects.get(account=alice),
        charged,
        OwedCommission.objects.create(refund=charged, agent=ledger.of(alice), left=Decimal("0.03")),
        CardRefund.objects.create(payment=payment, amount=Decimal(1), token=uuid4()),
        Difference.objects.create(kind="amount", key="pi_1", account=alice, about="Not the same.", found_at=NOON),
        Match.objects.create(on=JANUARY, stripe_charges=1, ledger=1, invoices=1, differences=0, made_at=NOON),
        ParkedAccount.objects.create(account=alice, reason="Figures do not add up.", parked_at=NOON),
        StripeEvent.objects.create(stripe_id="evt_1", type="payment_intent.succeeded"),
        TaxRate.objects.first(),
        alice.orders.first(),
        Product.objects.get(code="pay-per-minute"),
    ]


def _places() -> list[Model]:
    albany, troy = RateCenterFactory(), RateCenterFactory(name="Troy")
    return [
        albany,
        Region.objects.first(),
        PhoneNumber.objects.filter(state="in_stock").first(),
        BackOrder.objects.first(),
        Prefix.objects.create(rate_center=albany, digits="1518555"),
        LocalCalling.objects.create(rate_center=albany, to=troy),
        Offering.objects.create(rate_center=albany, product=Product.objects.get(code="dirt-cheap")),
        WaitTime.objects.create(country="FR", shortest=10, longest=30),
        StockLoad.objects.create(name="a.csv", content=b"", state="refused", ended_at=NOON, problem_count=1),
    ]


def _support() -> list[Model]:
    return [
        Ticket.objects.get(),
        CannedAnswer.objects.create(title="Hello", text="Hello {name}"),
        FaqCategory.objects.first(),
        FaqQuestion.objects.create(category=FaqCategory.objects.first(), slug="ours", question="Ours?", answer="Yes."),
        MissedSearch.objects.create(text="fax"),
    ]
