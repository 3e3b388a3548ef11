"""Says whether the operator may serve a country (domain.md §3).

The list is data that staff keep in the admin. It is asked at sign-up, at every change of address and at
checkout.
"""

from typing import Any

from django_countries import countries

from accounts.models import EmbargoedCountry
from callcentric.errors import Refused

# Cuba, Iran, Iraq, North Korea, Libya, Sudan, Syria. Not South Korea (KR) and not South Sudan (SS).
FIRST_LIST = ("CU", "IR", "IQ", "KP", "LY", "SD", "SY")
# How a sentence names them; the names of the standard carry a form of government or a comma.
SPOKEN_NAMES = {"IR": "Iran", "KP": "North Korea", "SY": "Syria"}


class NotServed(Refused):
    """The address is in an embargoed country."""

    def __init__(self, *args: Any, country_code: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country_code = country_code


def check(country_code: str) -> None:
    """Raise NotServed where ``country_code`` is on the list of embargoed countries."""
    if not EmbargoedCountry.objects.filter(country=country_code).exists():
        return
    name = SPOKEN_NAMES.get(country_code) or countries.name(country_code)
    raise NotServed(
        f"We cannot serve addresses in {name}: it is on our list of embargoed countries, where we may open "
        "no account and take no order. If you picked it by mistake, choose your own country.",
        code="embargoed",
        country_code=country_code,
    )


def load_embargo() -> int:
    """Fill an empty list with the first seven countries; a list that staff keep is left as it is.

    Returns how many countries were added.
    """
    if EmbargoedCountry.objects.exists():
        return 0
    rows = [EmbargoedCountry(country=code) for code in FIRST_LIST]
    return len(EmbargoedCountry.objects.bulk_create(rows, ignore_conflicts=True))
