"""What staff see first: the figures of today, each with the list it comes from, as far as they may see that list."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Model, Prefetch, Window
from django.urls import reverse
from django.utils.http import urlencode

from billing import failed_cards, months, progress
from billing.admin import charts
from billing.admin.charts import Part
from billing.models import Cycle, Difference, ParkedAccount, Payment
from callcentric.clock import begins_at
from callcentric.templatetags.show import usd
from orders import daily
from orders.models import Order
from phone_numbers import waits
from phone_numbers.models import BackOrder, Offering, RateCenter
from phone_numbers.models.places import FEW_LEFT
from support import waiting
from support.models import Ticket

DAYS, WEEKS, PLACES = 14, 12, 10
May = Callable[[type[Model]], bool]
# What it is, what its list is asked for, and how many there are.
Counted = tuple[str, dict[str, Any], int]


@dataclass(frozen=True)
class Row:
    """A line of a panel's table, with the list of just what it counts."""

    label: str
    figures: tuple[str, ...]
    link: str = ""
    bar: charts.Bar | None = None
    # The colour that it has in the picture.
    colour: str = ""


@dataclass(frozen=True)
class Picture:
    """Columns or one stacked bar; ``words`` say what is to be seen in it."""

    title: str
    words: str
    columns: Sequence[charts.Column] = ()
    stacked: Sequence[charts.Bar] = ()
    # Below the first column and the last one.
    first: str = ""
    last: str = ""
    # What the colours mean.
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Panel:
    """One thing to know: its list, a sentence, pictures, and the same in figures."""

    name: str
    title: str
    link: str
    words: str
    head: tuple[str, ...] = ()
    rows: Sequence[Row] = ()
    pictures: Sequence[Picture] = ()
    # Days and weeks are seen in the picture; their figures are there for whoever asks.
    is_folded: bool = False


def panels(*, may: May, today: date, now: datetime) -> list[Panel]:
    """The panels whose lists ``may`` be seen. As many queries, however much there is to count."""
    found = [make(today, now) for model, makes in PANELS.items() if may(model) for make in makes]
    to_look_at = list(_to_look_at(may))
    if to_look_at:
        words = "" if any(row.figures != ("0",) for row in to_look_at) else "Nothing: all accounts add up."
        found.append(Panel("to-look-at", "Figures that do not add up", "", words, ("What", "Open"), to_look_at))
    return found


def _orders(today: date, now: datetime) -> Panel:
    days = daily.completed(today=today, days=DAYS)
    newest = days[-1]
    words = f"{_count(newest.orders, 'order')} today, {usd(newest.dollars)}" if newest.orders else "No orders yet today"
    most = max(day.orders for day in days)
    dearest = max(day.dollars for day in days)
    pictures = [
        _columns("Orders a day", f"Highest: {most:,}", [(day.on, [Part("orders", "", day.orders)]) for day in days]),
        _columns(
            "Dollars a day", f"Highest: {usd(dearest)}", [(day.on, [Part("dollars", "", day.dollars)]) for day in days]
        ),
    ]
    done = {"state__exact": Order.State.COMPLETED}
    rows = [
        Row(
            _day(day.on),
            (f"{day.orders:,}", usd(day.dollars)),
            _list(Order, **done, **_between("placed_at", day.on, day.on)),
        )
        for day in reversed(days)
    ]
    head = ("Placed on", "Orders", "Dollars")
    link = _list(Order, **done, **_between("placed_at", days[0].on, today))
    return Panel("orders", "Orders", link, f"{words}.", head, rows, pictures if most else [], is_folded=True)


def _cycle(today: date, now: datetime) -> Panel:
    month = months.collected(today)
    accounts = progress.accounts_of(month)
    every = sum(accounts.values())
    bars = charts.stacked([Part(standing, standing.label, count) for standing, count in accounts.items()])
    rows = [
        Row(standing.label, (f"{count:,}",), _list(Cycle, month=month, stands=standing), colour=standing)
        for standing, count in accounts.items()
    ]
    said = ", ".join(f"{count:,} {standing.label.lower()}" for standing, count in accounts.items() if count)
    picture = Picture(f"Accounts of {month:%B %Y}", said, stacked=bars)
    settled = accounts[Cycle.Standing.SETTLED]
    words = f"{settled:,} of {_count(every, 'account')} settled." if every else "No account owes anything for it yet."
    head = ("Accounts that are", "Accounts")
    link = _list(Cycle, month=month)
    title, pictures = f"The month: {month:%B %Y}", [picture] * bool(every)
    return Panel("cycle", title, link, words, head, rows if every else [], pictures)


def _failed_cards(today: date, now: datetime) -> Panel:
    days = failed_cards.declined(today=today, days=DAYS)
    every, most = sum(day.all for day in days), max(day.all for day in days)
    parts = [(day.on, [Part("renewals", "", day.renewals), Part("others", "", day.others)]) for day in days]
    picture = _columns("Declined charges a day", f"Highest: {most:,}", parts, legend=DECLINED)
    failed = {"state__exact": Payment.State.FAILED, "decline_code__isempty": 0}
    rows = [
        Row(
            _day(day.on),
            (f"{day.renewals:,}", f"{day.others:,}"),
            _list(Payment, **failed, **_between("created_at", day.on, day.on)),
        )
        for day in reversed(days)
    ]
    words = f"{_count(days[-1].all, 'charge')} declined today, {every:,} in {DAYS} days." if every else NONE_DECLINED
    link = _list(Payment, **failed, **_between("created_at", days[0].on, today))
    head = ("Begun on", "Renewals", "Others")
    return Panel("cards", "Failed cards", link, words, head, rows, [picture] * bool(every), is_folded=True)


DECLINED = (("renewals", "Renewals"), ("others", "Orders and deposits"))
NONE_DECLINED = f"No card was declined in the last {DAYS} days."


def _back_orders(today: date, now: datetime) -> Panel:
    counted: list[Counted] = [("Waiting", {}, BackOrder.objects.waiting().count())]
    for days in waits.LONG:
        longer = waits.waiting_longer(days, today=today).count()
        counted.append((f"More than {days} business days", {"waits": days}, longer))
    counted.append(("Longer than we said", {"waits": "late"}, waits.late(today=today).count()))
    return _queue("back-orders", "Back-orders", BackOrder, "Orders", counted, "No order waits for a number.")


def _backlog(today: date, now: datetime) -> Panel:
    backlog = waiting.backlog(now=now)
    counted: list[Counted] = [("Waiting for staff", {}, backlog.tickets)]
    for days, tickets in backlog.longer.items():
        counted.append((f"More than {_count(days, 'day')}", {"age": days}, tickets))
    return _queue("tickets", "Tickets that wait", Ticket, "Tickets", counted, "No ticket waits for staff.")


def _queue(name: str, title: str, model: type[Model], what: str, counted: list[Counted], none: str) -> Panel:
    """What waits, and how much of it for how long; each bar is part of the one above."""
    every = counted[0][2]
    bars = charts.from_the_left([Part("waits" if not query else "longer", label, n) for label, query, n in counted])
    rows = [
        Row(label, (f"{n:,}",), _list(model, **query), bar=bar)
        for (label, query, n), bar in zip(counted, bars, strict=True)
    ]
    return Panel(name, title, _list(model), "" if every else none, ("Since", what), rows if every else [])


def _first_answers(today: date, now: datetime) -> Panel:
    weeks = waiting.first_answers(today=today, weeks=WEEKS)
    answered = [week for week in weeks if week.median is not None]
    parts = [(week.monday, [Part("median", "", _minutes(week.median))]) for week in weeks]
    longest = max((week.median for week in answered if week.median), default=timedelta())
    picture = _columns("Time to the first answer, by week", f"Longest: {_span(longest)}", parts)
    rows = [
        Row(
            f"Week of {_day(week.monday)}",
            (f"{week.answered:,}", _span(week.median)),
            _list(Ticket, show="every", **_between("first_answered_at", week.monday, week.monday + timedelta(days=6))),
        )
        for week in reversed(weeks)
    ]
    words = f"No ticket had its first answer in the last {WEEKS} weeks."
    if answered:
        newest = answered[-1]
        words = f"Half of the tickets of the week of {_day(newest.monday)} waited at most {_span(newest.median)}."
    head = ("Answered in the", "Tickets", "Median")
    last = weeks[-1].monday + timedelta(days=6)
    link = _list(Ticket, show="every", **_between("first_answered_at", weeks[0].monday, last))
    pictures = [picture] * bool(answered)
    return Panel("answers", "First answers", link, words, head, rows if answered else [], pictures, is_folded=True)


def _stock(today: date, now: datetime) -> Panel:
    products = Prefetch("offerings", Offering.objects.select_related("product").order_by("product__position"))
    low = RateCenter.objects.running_low().annotate(places=Window(Count("pk")))
    found: list[Any] = list(low.select_related("region").prefetch_related(products).fewest_first()[:PLACES])
    rows = [
        Row(
            str(place),
            (", ".join(offering.product.name for offering in place.offerings.all()) or "–", str(place.available)),
            reverse("admin:phone_numbers_ratecenter_change", args=[place.pk]),
        )
        for place in found
    ]
    if found:
        words = f"{_count(found[0].places, 'place')} with fewer than {FEW_LEFT} numbers that nobody waits for."
    else:
        words = f"Every place in use has {FEW_LEFT} numbers or more."
    head = ("Place", "Limited products", "Left")
    return Panel("stock", "Stock low", _list(RateCenter, stock="low"), words, head, rows)


# By the list that they come from, in the order in which they are shown.
PANELS: dict[type[Model], list[Callable[[date, datetime], Panel]]] = {
    Order: [_orders],
    Cycle: [_cycle],
    Payment: [_failed_cards],
    BackOrder: [_back_orders],
    Ticket: [_backlog, _first_answers],
    RateCenter: [_stock],
}


def _to_look_at(may: May) -> Iterator[Row]:
    counted: list[tuple[str, type[Model], Any]] = [
        ("Accounts parked", ParkedAccount, ParkedAccount.objects),
        ("Differences", Difference, Difference.objects),
    ]
    for label, model, objects in counted:
        if may(model):
            yield Row(label, (f"{objects.open().count():,}",), _list(model))


def _columns(
    title: str, words: str, columns: Sequence[tuple[date, list[Part]]], *, legend: Sequence[tuple[str, str]] = ()
) -> Picture:
    days, parts = zip(*columns, strict=True)
    return Picture(title, words, charts.columns(parts), first=_day(days[0]), last=_day(days[-1]), legend=legend)


def _list(model: type[Model], **query: Any) -> str:
    address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
    return f"{address}?{urlencode(query)}" if query else address


def _between(field: str, first: date, last: date) -> dict[str, datetime]:
    """As the admin's filters of a date ask for it."""
    return {f"{field}__gte": begins_at(first), f"{field}__lt": begins_at(last + timedelta(days=1))}


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _day(day: date) -> str:
    return f"{day:%-d %B}"


def _minutes(span: timedelta | None) -> int:
    return round(span / timedelta(minutes=1)) if span else 0


def _span(span: timedelta | None) -> str:
    """In the unit in which it is read at a glance."""
    minutes = _minutes(span)
    if span is None:
        return "–"
    if minutes < 90:
        return _count(minutes, "minute")
    hours = round(minutes / 60)
    return _count(hours, "hour") if hours < 48 else _count(round(hours / 24), "day")
