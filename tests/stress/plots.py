"""What happens in a storm: each customer's script, and the month that passes.

A customer tries again until it is done, as people do: with a fresh page, once it is clear that the last try came to
nothing. So however the storm rages, the end is the same.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

from accounts.models import Account
from billing import card_renewals, cards, cycle, deposits, events, payments
from billing.models import Card, Payment
from billing.payments import CardProblem
from billing.stripe_api import StripeError
from callcentric import clock
from orders import checkout
from orders.models import Order
from tests.billing.month import at_noon, hold_plan
from tests.factories import PhoneNumberFactory, hold_number
from tests.localstripe import DECLINED_WHEN_CHARGED, GOOD, WANTS_3DS, answer_bank, call, set_up
from tests.orders.checkouts import add_number, place, total_of
from tests.orders.conftest import credit, put_into_cart
from tests.stripe_proxy import StripeProxy

# Whoever is not done after so many steps never will be.
STEPS = 400
STORMY_DAYS = [date(2027, 1, 27), date(2027, 1, 28)]
CALM_DAYS = [date(2027, 1, 31), date(2027, 2, 1)]
Script = Generator[None, None, Any]


@dataclass
class World:
    alice: Account
    bob: Account
    rng: Random
    proxy: StripeProxy
    # time_machine's: all of the portal lives in its time.
    time: Any
    scripts: list[Script] = field(default_factory=list)

    def live(self) -> None:
        """All follow their scripts, in turns that the seed decides, while the sweeps run now and then."""
        for _ in range(STEPS):
            if not self.scripts:
                return
            script = self.rng.choice(self.scripts)
            if next(script, "done") == "done":
                self.scripts.remove(script)
            if self.rng.random() < 0.3:
                sweep()
            self.wait(minutes=self.rng.choice([1, 2, 3]))
        raise AssertionError("They are still not done.")

    def wait(self, **how_long: int) -> None:
        """Time passes once no webhook is on its way any more: none takes minutes."""
        self.proxy.webhooks.wait_for_all()
        self.time.shift(timedelta(**how_long))


@dataclass(frozen=True)
class Plot:
    """``begin`` says what the customers have in calm, ``storm`` and ``after`` what follows."""

    begin: Callable[[World], None]
    storm: Callable[[World], None] = World.live
    after: Callable[[World], None] = lambda world: None


def sweep() -> None:
    """What the beat calls every minute."""
    now = clock.now()
    payments.settle_unknown(now=now)
    events.act_on_left_over(now=now)
    checkout.finish_all(now=now)


# --- Their cards -------------------------------------------------------------------------------------------------


def they_add_funds(world: World) -> None:
    """Alice deposits from a good card, a declined one, and one that her bank asks about; Bob adds a card first."""
    good, declined, asked = (keep_card(world.alice, number) for number in (GOOD, DECLINED_WHEN_CHARGED, WANTS_3DS))

    def alice() -> Script:
        yield from deposit(world.alice, good, "20.00")
        yield from deposit(world.alice, declined, "15.00")
        yield from deposit(world.alice, asked, "10.00")

    def bob() -> Script:
        card = yield from add_card(world.bob)
        yield from deposit(world.bob, card, "5.00")

    world.scripts = [alice(), bob()]


def they_order(world: World) -> None:
    """Alice orders a plan and pays by card; Bob a number, from his balance and the rest by card."""
    alices, bobs = keep_card(world.alice, GOOD), keep_card(world.bob, GOOD)
    credit(world.bob, "3")
    put_into_cart(world.alice)
    add_number(world.bob, PhoneNumberFactory().rate_center, now=clock.now())
    world.scripts = [
        order(world.alice, alices, Account.PaysFrom.CARD),
        order(world.bob, bobs, Account.PaysFrom.BALANCE),
    ]


def keep_card(account: Account, number: str) -> Card:
    """A card that the account has had for long, with as few words to Stripe as there can be."""
    holder = cards.holder(account)
    card = {"number": number, "exp_month": 12, "exp_year": 2035, "cvc": "123"}
    made = call("POST", "/v1/payment_methods", type="card", card=card)
    call("POST", f"/v1/payment_methods/{made['id']}/attach", customer=holder.stripe_id)
    return Card.objects.create(
        account=account,
        stripe_id=made["id"],
        brand="visa",
        last4=number[-4:],
        expires_month=12,
        expires_year=2035,
        is_default=not account.cards.exists(),
    )


def deposit(account: Account, card: Card, amount: str) -> Script:
    while True:
        payment = deposits.make(
            account=account, card=card, amount=Decimal(amount), token=uuid4(), now=clock.now(), once_more=True
        )
        payment = yield from outcome_of(payment)
        if payment.state == Payment.State.SUCCEEDED or payment.decline_code:
            return
        yield


def outcome_of(payment: Payment) -> Script:
    """Look at the payment's page until it is decided; agree to what the bank asks."""
    while not payment.is_decided:
        answer_what_the_bank_asks(payment)
        yield
        payment = payments.refresh(payment, now=clock.now())
    return payment


def answer_what_the_bank_asks(payment: Payment) -> None:
    asked = payments.what_bank_asks(payment)
    if asked and asked.status == "requires_action":
        answer_bank(asked.id, agree=True)


def add_card(account: Account) -> Script:
    while True:
        try:
            return cards.finish_adding(account=account, setup_id=set_up(account), now=clock.now())
        except (CardProblem, StripeError):
            yield


def order(account: Account, card: Card, pays_from: str) -> Script:
    total = total_of(account, clock.now())
    while True:
        made = place(account, now=clock.now(), total=total, card=card, pays_from=pays_from)
        while made.state == Order.State.PAYING:
            yield
            payments.refresh(made.payment, now=clock.now())
            made = checkout.finish(made, now=clock.now())
        if made.state == Order.State.COMPLETED:
            return
        yield


# --- The month ---------------------------------------------------------------------------------------------------


def both_can_pay(world: World) -> None:
    """Alice renews a plan by card, Bob a number from his balance and the rest by card."""
    Account.objects.filter(pk=world.alice.pk).update(pays_from=Account.PaysFrom.CARD)
    hold_plan(world.alice)
    hold_number(world.bob)
    credit(world.bob, "1")
    keep_card(world.alice, GOOD)
    keep_card(world.bob, GOOD)


def alice_is_asked_and_bob_declined(world: World) -> None:
    """Alice's bank wants to be told that it is her; Bob's says no every day, and on the 1st his number goes."""
    hold_plan(world.alice)
    hold_number(world.bob)
    keep_card(world.alice, WANTS_3DS)
    keep_card(world.bob, DECLINED_WHEN_CHARGED)


def stormy_month(world: World) -> None:
    for day in STORMY_DAYS:
        live_through_day(world, day)


def calm_month(world: World) -> None:
    for day in CALM_DAYS:
        live_through_day(world, day)


def live_through_day(world: World, day: date) -> None:
    """The cycle runs, customers answer their banks, and the sweeps do what is left."""
    world.time.move_to(at_noon(day))
    cycle.run(on=day, now=clock.now(), charge_cards=charge_cards)
    world.wait(minutes=4)
    for payment in Payment.objects.filter(state=Payment.State.NEEDS_CUSTOMER, account=world.alice):
        answer_what_the_bank_asks(payment)
        payments.refresh(payment, now=clock.now())
    sweep()


def charge_cards() -> int:
    """At once: not even a card's turn is waited for."""
    waiting = card_renewals.turns(now=clock.now(), within=timedelta(days=1))
    for cycle_id, _ in waiting:
        card_renewals.charge(cycle_id, today=clock.today(), now=clock.now())
    return len(waiting)


PLOTS = {
    "funds": Plot(they_add_funds),
    "orders": Plot(they_order),
    "renewals": Plot(both_can_pay, stormy_month, calm_month),
    "failed-renewals": Plot(alice_is_asked_and_bob_declined, stormy_month, calm_month),
}
