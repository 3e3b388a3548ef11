"""What the daily match compares, and what it finds: plain values for whoever looks and whoever writes it down."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from billing.models import Difference
from callcentric import clock
from callcentric.money import ZERO

Kind = Difference.Kind
# Before and after everything that Stripe has.
STRIPE_BEGAN, STRIPE_ENDS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Sums:
    """What a day came to, added up as it is compared."""

    charged: Decimal = ZERO
    in_ledger: Decimal = ZERO
    billed: Decimal = ZERO


@dataclass(frozen=True)
class Day:
    """A business day that is matched. What was found before and is still open is looked at again with it."""

    on: date
    open: Mapping[str, frozenset[str]]
    sums: Sums = field(default_factory=Sums)

    @property
    def since(self) -> datetime:
        return clock.begins_at(self.on)

    @property
    def until(self) -> datetime:
        return clock.begins_at(self.on + timedelta(days=1))

    @property
    def at_stripe(self) -> tuple[datetime, datetime]:
        """The same day by Stripe's clock. Nobody moves that one: where ours is moved, all that Stripe has counts."""
        return (STRIPE_BEGAN, STRIPE_ENDS) if clock.is_moved() else (self.since, self.until)

    def has(self, moment: datetime) -> bool:
        return self.since <= moment < self.until

    def still_open(self, *kinds: str) -> set[str]:
        """The keys of differences that were found before."""
        return {key for kind in kinds for key in self.open.get(kind, ())}


@dataclass(frozen=True)
class Finding:
    """One difference, as it is now."""

    kind: str
    key: str
    account_id: int | None
    about: str
    ours: Decimal | None = None
    theirs: Decimal | None = None


# What compares one kind of thing: `reconciliation.match` calls them one after the other.
Comparison = Callable[[Day], Iterator[Finding]]
