"""Says in words what the cycle does on a business date (domain.md §6): what staff read before they have it run."""

from datetime import date

from billing import months
from billing.cycle import FORECAST_ON_DAY


def steps(*, on: date) -> list[str]:
    """What ``billing.cycle.run`` does on ``on``, in its order."""
    month = months.collected(on)
    found = ["Services that customers have cancelled, and whose paid month is over, end."]
    if FORECAST_ON_DAY <= on.day < months.CYCLE_STARTS_ON_DAY:
        found.append(f"Customers not told yet are told by e-mail what {months.next_month(on):%B %Y} will cost.")
    found.append(
        f"Accounts that still owe something for {month:%B %Y}, and were not tried today, are charged: "
        "from the balance at once, by card one after the other."
    )
    found.append("Whose renewal fails is told by e-mail why, once for each reason.")
    if on >= month:
        found.append("Services are cancelled whose renewal failed today too, and whose customer was told before today.")
    return found
