"""Compares what Stripe has given back to cards on a day with our refunds, and these with the ledger."""

from collections.abc import Iterator
from decimal import Decimal

from django.db import connection
from django.db.models import Q

from billing import stripe_lists
from billing.findings import Day, Finding, Kind
from billing.models import CardRefund, Payment, Transfer
from billing.stripe_lists import GivenBack
from billing.stripe_match import in_batches

State = CardRefund.State


def compare(day: Day) -> Iterator[Finding]:
    """Every refund of the day, here and at Stripe, and every refund's transfers."""
    seen: set[str] = set()
    for batch in in_batches(stripe_lists.given_back(*day.at_stripe)):
        seen |= {each.id for each in batch}
        yield from _compare({each.id: each for each in batch})
    made = CardRefund.objects.filter(state=State.SUCCEEDED, settled_at__gte=day.since, settled_at__lt=day.until)
    ours = {str(stripe_id) for stripe_id in made.values_list("stripe_id", flat=True)}
    still_open = {key for key in day.still_open(Kind.REFUND) if key.startswith("re_")}
    for refund_id in (ours | still_open) - seen:
        yield from _compare({refund_id: stripe_lists.refund_of(refund_id)})
    yield from _compare_with_ledger(day)


def _compare(at_stripe: dict[str, GivenBack | None]) -> Iterator[Finding]:
    known = CardRefund.objects.filter(stripe_id__in=list(at_stripe)).select_related("payment")
    ours = {str(refund.stripe_id): refund for refund in known}
    for refund_id, theirs in at_stripe.items():
        found = _difference(refund_id, ours.get(refund_id), theirs)
        if found:
            yield found


def _difference(refund_id: str, ours: CardRefund | None, theirs: GivenBack | None) -> Finding | None:
    if ours is None:
        return _unknown(theirs) if theirs else None
    given = theirs.amount if theirs else None
    # One that failed is not there; one that is on its way may be.
    said = ours.amount if ours.state == State.SUCCEEDED else given if ours.state in CardRefund.UNDECIDED else None
    if given == said:
        return None
    about = f"Stripe gave back {_in_words(given)}, and our refund of {ours.amount:.2f} is “{ours.get_state_display()}”."
    return Finding(Kind.REFUND, refund_id, ours.payment.account_id, about, said, given)


def _unknown(theirs: GivenBack) -> Finding | None:
    """A refund that is none of ours: made by hand at Stripe, or one whose name we have not heard yet."""
    payment = Payment.objects.filter(stripe_id=theirs.charge).first()
    on_its_way = CardRefund.objects.filter(payment=payment, state__in=CardRefund.UNDECIDED, amount=theirs.amount)
    # What never came into the ledger need not go out of it: that charge is compared less what was given back.
    if not Transfer.objects.filter(key=f"stripe:{theirs.charge}").exists() or (payment and on_its_way.exists()):
        return None
    about = f"Stripe gave back {theirs.amount:.2f} of charge {theirs.charge}, and we have no such refund."
    return Finding(Kind.REFUND, theirs.id, payment.account_id if payment else None, about, None, theirs.amount)


def _in_words(amount: Decimal | None) -> str:
    return "nothing" if amount is None else f"{amount:.2f}"


_WITH_LEDGER = """
SELECT 'card-refund:' || refund.id, payment.account_id, refund.state, refund.amount,
    coalesce(out.amount, 0) - coalesce(back.amount, 0) AS gone
FROM billing_cardrefund refund
JOIN billing_payment payment ON payment.id = refund.payment_id
LEFT JOIN billing_transfer out ON out.key = 'card-refund:' || refund.id
LEFT JOIN billing_transfer back ON back.key = 'card-refund:' || refund.id || ':back'
WHERE refund.id = ANY(%(refunds)s) AND coalesce(out.amount, 0) - coalesce(back.amount, 0)
    <> CASE refund.state WHEN 'failed' THEN 0 ELSE refund.amount END
ORDER BY refund.id
"""


def _compare_with_ledger(day: Day) -> Iterator[Finding]:
    of_day = Q(created_at__gte=day.since, created_at__lt=day.until) | Q(
        settled_at__gte=day.since, settled_at__lt=day.until
    )
    prefix = "card-refund:"
    found_before = [key.removeprefix(prefix) for key in day.still_open(Kind.REFUND) if key.startswith(prefix)]
    refunds = CardRefund.objects.filter(of_day | Q(pk__in=found_before)).values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute(_WITH_LEDGER, {"refunds": list(refunds)})
        for key, account, state, amount, gone in cursor.fetchall():
            about = f"Our refund of {amount:.2f} is “{State(state).label}”, and {gone:.2f} has left the balance for it."
            yield Finding(Kind.REFUND, key, account, about, gone, amount)
