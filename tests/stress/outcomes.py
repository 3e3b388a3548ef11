"""What Alice and Bob have in the end, and what holds in any weather."""

import re
from collections import Counter
from decimal import Decimal

from post_office.models import Email

from accounts.models import Account
from billing import ledger
from billing.models import Card, Cycle, InvoiceLine, Payment, Service, StripeEvent, Transfer
from orders.models import CartLine, Order
from tests.localstripe import charges
from tests.orders.checkouts import balance

State = Payment.State


def state_of(account: Account) -> dict:
    """What does not depend on the weather. What a fault made fail is left out: it was tried again."""
    own = {"account": account}
    tried = Payment.objects.filter(**own).exclude(state=State.FAILED, decline_code="")
    # A bank that declines a renewal is asked once a day, as often as it can be reached.
    declined = tried.filter(state=State.FAILED).values_list("purpose", "amount", "decline_code")
    return {
        "balance": balance(account),
        "paid": sorted(tried.exclude(state=State.FAILED).values_list("purpose", "amount", "state")),
        "declined": sorted(set(declined)),
        "charged": sorted(charge["amount"] for charge in charges(account)),
        "transfers": sorted(movements(account)),
        "services": sorted(
            Service.objects.filter(**own).values_list("product__code", "state", "paid_until", "reason", "cancelled_on")
        ),
        "orders": sorted(orders(account)),
        "cycles": list(Cycle.objects.filter(**own).values_list("month", "part", "state", "net", "tax", "cancelled_on")),
        "invoiced": sorted(InvoiceLine.objects.filter(service__account=account).values_list("month", "amount")),
        "cards": sorted(Card.objects.usable().filter(**own).values_list("last4", "is_default")),
        "cart": CartLine.objects.filter(cart__account=account).count(),
        "mails": sorted(mails(account)),
    }


def movements(account: Account) -> list[tuple]:
    found = Transfer.objects.of(ledger.of(account))
    return [(each.kind, each.amount, each.key.partition(":")[0], each.target_id > 0) for each in found]


def orders(account: Account) -> list[tuple]:
    """All but those whose payment a fault made fail."""
    found = Order.objects.filter(account=account).exclude(state=Order.State.FAILED, payment__state=State.FAILED)
    return list(found.values_list("state", "subtotal", "tax", "total", "from_card"))


def mails(account: Account) -> set[str]:
    """Subjects, without the names that are new in each run, and without those of a day's failure."""
    found = Email.objects.filter(to=account.user.email).values_list("subject", flat=True)
    return {
        re.sub(r"[A-Z2-9]{8}|\(\d{3}\) \d{3}-\d{4}", "…", subject)
        for subject in found
        if "are going to be cancelled" not in subject and "Confirm" not in subject
    }


def check(accounts: list[Account]) -> None:
    """Whatever the weather was: nothing is left open, and Stripe, payments and ledger name the same charges."""
    assert Payment.objects.undecided().count() == 0
    assert StripeEvent.objects.not_acted_on().count() == 0
    assert Order.objects.filter(state=Order.State.PAYING).count() == 0
    for account in accounts:
        at_stripe = Counter((each["payment_intent"], Decimal(each["amount"]) / 100) for each in charges(account))
        paid = Payment.objects.filter(account=account, state=State.SUCCEEDED)
        moved = Transfer.objects.filter(key__startswith="stripe:", target__account=account)
        assert at_stripe == Counter(paid.values_list("stripe_id", "amount"))
        assert at_stripe == Counter((each.key.removeprefix("stripe:"), each.amount) for each in moved)
