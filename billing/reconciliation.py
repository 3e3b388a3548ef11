"""The daily match of ledger, Stripe and bills: what they do not say alike is written down, and its account parked.

1. Compare one thing after the other (stripe_match, refund_match, bill_match, and what ``more`` brings), without a
   transaction: Stripe is asked page by page.
2. Write down what was not known, and park its account: staff release it, nobody else (domain.md §11).
3. What was known and is no longer found has been mended, and says so.
Doing a day again, or twice at once, finds nothing twice.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from django.db import transaction

from accounts import audit_log
from accounts.models import AuditEntry, User
from billing import bill_match, parking, refund_match, stripe_match
from billing.findings import Comparison, Day, Finding
from billing.models import Difference, Match
from billing.stripe_api import StripeError
from callcentric import clock

log = structlog.get_logger(__name__)

COMPARISONS: Sequence[Comparison] = (
    stripe_match.compare,
    refund_match.compare,
    bill_match.invoices,
    bill_match.balances,
)
# Days that were missed are caught up with, but not more than these.
CATCH_UP_DAYS = 31
MENDED = "No longer found by the match of {on:%-d %B %Y}."


def match_missed(*, now: datetime, more: Sequence[Comparison] = ()) -> list[Match]:
    """Match every day that is over and was not matched since, oldest first; where Stripe is away, another time."""
    made: list[Match] = []
    for on in _missed(now.astimezone(clock.BUSINESS_ZONE).date()):
        try:
            made.append(match(on=on, now=now, more=more))
        except StripeError as error:
            log.warning("day not matched", on=str(on), error=repr(error))
            break
    return made


def match(*, on: date, now: datetime, more: Sequence[Comparison] = ()) -> Match:
    """Match one business day. Raises StripeError where Stripe does not answer; then nothing is written down."""
    known = Difference.objects.open().values_list("kind", "key")
    still_open: dict[str, set[str]] = defaultdict(set)
    for kind, key in known:
        still_open[kind].add(key)
    day = Day(on=on, open={kind: frozenset(keys) for kind, keys in still_open.items()})
    found = [finding for compare in (*COMPARISONS, *more) for finding in compare(day)]
    _write_down(found, day, now)
    _resolve_mended(found, day, now)
    figures = {"stripe_charges": day.sums.charged, "ledger": day.sums.in_ledger, "invoices": day.sums.billed}
    made, _ = Match.objects.update_or_create(on=on, defaults={**figures, "differences": len(found), "made_at": now})
    log.info("day matched", on=str(on), differences=len(found))
    return made


@transaction.atomic
def resolve(difference: Difference, *, by: User, how: str, now: datetime) -> bool:
    """Staff have dealt with it. False where it was resolved before. The account stays parked until it is released."""
    is_open = Difference.objects.open().filter(pk=difference.pk)
    resolved = is_open.update(resolved_at=now, resolved_by=by, resolution=how)
    if resolved:
        audit_log.record(
            by=by,
            action=AuditEntry.Action.DIFFERENCE,
            account=difference.account,
            reason=how,
            details=f"{difference.about} ({difference.key})",
        )
    return bool(resolved)


def _missed(today: date) -> list[date]:
    """Days without a match that was made when they were over; where there is no match at all, yesterday."""
    yesterday = today - timedelta(days=1)
    recent = Match.objects.filter(on__gte=today - timedelta(days=CATCH_UP_DAYS), on__lt=today).order_by("on")
    matches = {each.on: each.made_at.astimezone(clock.BUSINESS_ZONE).date() > each.on for each in recent}
    first = min(matches, default=yesterday)
    days = (first + timedelta(days=number) for number in range((yesterday - first).days + 1))
    return [day for day in days if not matches.get(day)]


def _write_down(found: list[Finding], day: Day, now: datetime) -> None:
    for finding in found:
        if finding.key not in day.open.get(finding.kind, ()) and not _was_explained(finding):
            _write_one_down(finding, now)


@transaction.atomic
def _write_one_down(finding: Finding, now: datetime) -> None:
    Difference.objects.bulk_create(
        [
            Difference(
                kind=finding.kind,
                key=finding.key,
                account_id=finding.account_id,
                about=finding.about[:300],
                ours=finding.ours,
                theirs=finding.theirs,
                found_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    if finding.account_id:
        reason = f"{Difference.Kind(finding.kind).label}: {finding.about}"
        parking.park(account_id=finding.account_id, reason=reason, now=now)


def _was_explained(finding: Finding) -> bool:
    """Staff have resolved this very difference: a later match of the same day need not find it again.

    A balance that is wrong is never explained away: it has to be mended.
    """
    if finding.kind == Difference.Kind.BALANCE:
        return False
    same = Difference.objects.filter(kind=finding.kind, key=finding.key, ours=finding.ours, theirs=finding.theirs)
    return same.filter(resolved_by__isnull=False).exists()


def _resolve_mended(found: list[Finding], day: Day, now: datetime) -> None:
    there = {(finding.kind, finding.key) for finding in found}
    for kind, keys in day.open.items():
        mended = [key for key in keys if (kind, key) not in there]
        Difference.objects.open().filter(kind=kind, key__in=mended).update(
            resolved_at=now, resolution=MENDED.format(on=day.on)
        )
