"""Where numbers live (country, state or province, rate centre, prefixes), what is sold there, how much is in stock."""

from typing import Self

from django.db import models
from django.db.models import Count, F, OuterRef, Prefetch, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django_countries.fields import CountryField

from catalog.models import Product


class Region(models.Model):
    """A state or province; outside the US and Canada one region is the whole country."""

    country = CountryField()
    code = models.CharField(max_length=3, help_text="As in an address: NY, ON.")
    name = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["country", "code"], name="one_region_per_country_and_code"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """How addresses of pages name it: US-NY."""
        return f"{self.country}-{self.code}"


class RateCenterQuerySet(models.QuerySet["RateCenter"]):
    def named(self, text: str) -> Self:
        """Rate centres whose name holds ``text``; after a comma it may name the region: Albany, NY."""
        name, _, region = (part.strip() for part in text.partition(","))
        found = self.filter(name__icontains=name)
        return found.filter(Q(region__code__iexact=region) | Q(region__name__iexact=region)) if region else found

    def with_prefix(self, digits: str) -> Self:
        """Rate centres with a prefix that begins with ``digits``, or with an area code that covers them."""
        return self.filter(pk__in=Prefix.objects.within(digits).values("rate_center"))

    def with_prefixes(self, digits: str = "") -> Self:
        """Each with its prefixes at hand, or with those of them that ``digits`` asks for."""
        wanted = Prefix.objects.within(digits).order_by("digits")
        return self.select_related("region").prefetch_related(Prefetch("prefixes", queryset=wanted))

    def with_stock(self) -> Self:
        """Each with ``stock``, how many numbers are in stock: what was counted, and what has changed since."""
        changes = StockChange.objects.filter(rate_center=OuterRef("pk")).order_by().values("rate_center")
        since = Subquery(changes.annotate(sum=Sum("change")).values("sum"))
        return self.annotate(stock=F("counted") + Coalesce(since, 0))

    def in_order(self) -> Self:
        return self.order_by("name", "region__name")


class RateCenter(models.Model):
    """An area that shares its local calls, such as Albany in New York; toll-free numbers have one of their own."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="rate_centers")
    name = models.CharField(max_length=80)
    is_toll_free = models.BooleanField(default=False, editable=False)
    # Degrees; empty where nobody knows them.
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    # Numbers in stock when they were last counted up; see StockChange and with_stock().
    counted = models.IntegerField(default=0, editable=False)

    # Set by RateCenterQuerySet.with_stock()
    stock: int

    objects = RateCenterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "name"], name="one_rate_center_per_region_and_name"),
        ]

    def __str__(self) -> str:
        # Toll-free is no place, and where a region is its whole country the name says it.
        return self.name if self.is_toll_free else f"{self.name}, {self.region.code}"

    def sells(self, product: Product, *, is_offered: bool) -> bool:
        """Whether a DID product is sold here; ``is_offered``: a limited one is listed for this place (domain.md §2)."""
        return product.is_toll_free == self.is_toll_free and (is_offered or not product.is_limited)


class PrefixQuerySet(models.QuerySet["Prefix"]):
    def within(self, digits: str) -> Self:
        """Prefixes that begin with ``digits``, and shorter ones, such as whole area codes, that these lie in."""
        shorter = [digits[:length] for length in range(2, len(digits) + 1)]
        return self.filter(Q(digits__startswith=digits) | Q(digits__in=shorter))


class Prefix(models.Model):
    """The first digits of a place's numbers, with the country's code and without the plus sign.

    In North America: 1, area code and exchange (NPA-NXX), or 1 and a whole area code.
    """

    rate_center = models.ForeignKey(RateCenter, on_delete=models.PROTECT, related_name="prefixes")
    digits = models.CharField(max_length=12, unique=True)

    objects = PrefixQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "prefixes"
        constraints = [
            models.CheckConstraint(
                condition=Q(digits__regex=r"^(1[2-9]\d\d([2-9]\d\d)?|[2-9]\d{1,11})$"),
                name="prefix_begins_with_the_country_code",
            ),
        ]

    def __str__(self) -> str:
        if self.digits[0] != "1":
            return f"+{self.digits}"
        return "-".join(filter(None, [self.area_code, self.exchange]))

    @property
    def area_code(self) -> str:
        """North America only."""
        return self.digits[1:4]

    @property
    def exchange(self) -> str:
        return self.digits[4:]


class StockChange(models.Model):
    """Numbers that came into stock at a place, or left it, since the place was last counted up.

    Written by the database itself with every change of a number's state (see PhoneNumber). Adding a row waits for
    nobody, where updating one counter per place would make every order there wait for the others.
    """

    rate_center = models.ForeignKey(RateCenter, on_delete=models.CASCADE, related_name="stock_changes")
    change = models.IntegerField()


class Offering(models.Model):
    """A product that is sold in some locations only (Product.is_limited) is sold in this one."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="offerings")
    rate_center = models.ForeignKey(RateCenter, on_delete=models.CASCADE, related_name="offerings")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "rate_center"], name="one_offering_per_product_and_place"),
        ]

    def __str__(self) -> str:
        return f"{self.product} in {self.rate_center}"


class LocalCalling(models.Model):
    """A call from one place to another is a local one. Imported by staff; elsewhere the portal estimates."""

    rate_center = models.ForeignKey(RateCenter, on_delete=models.CASCADE, related_name="local_calling")
    to = models.ForeignKey(RateCenter, on_delete=models.CASCADE, related_name="+")

    class Meta:
        verbose_name_plural = "local calling"
        constraints = [
            models.UniqueConstraint(fields=["rate_center", "to"], name="one_local_calling_row_per_pair"),
            models.CheckConstraint(condition=~Q(rate_center=F("to")), name="a_place_is_local_to_itself_anyway"),
        ]


class WaitTime(models.Model):
    """How long staff take by default to find a number that is out of stock (domain.md §5). Staff keep the table."""

    country = CountryField(blank=True, unique=True, help_text="Empty: every country without a row of its own.")
    shortest = models.PositiveSmallIntegerField(help_text="Business days.")
    longest = models.PositiveSmallIntegerField(help_text="Business days.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(longest__gte=F("shortest")), name="the_longest_wait_is_not_shorter"),
        ]

    def __str__(self) -> str:
        return f"{self.shortest}–{self.longest} business days"


def regions_with_places() -> models.QuerySet[Region]:
    """Regions where there is coverage, with how many rate centres each has; the US first."""
    counted = Region.objects.annotate(places=Count("rate_centers"))
    return counted.filter(places__gt=0).order_by("-country", "name")
