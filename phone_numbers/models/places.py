"""Where numbers live (country, state or province, rate centre, prefixes), what is sold there, how much is in stock."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import TrigramSimilarity
from django.db import models
from django.db.models import Case, Exists, F, Func, OuterRef, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Greatest
from django.utils.functional import cached_property
from django_countries.fields import CountryField

from catalog.models import Product
from phone_numbers.spelling import country_code, plainly, read


class RegionQuerySet(models.QuerySet["Region"]):
    def named(self, text: str) -> Self:
        """Regions of that name or code (New York, NY), or of a country of that name."""
        same_name = Q(plain_name=plainly(Value(text)))
        country = country_code(text)
        found = self.annotate(plain_name=plainly("name"))
        return found.filter(Q(code__iexact=text) | same_name | (Q(country=country) if country else Q()))


class Region(models.Model):
    """A state or province; outside the US and Canada one region is the whole country."""

    country = CountryField()
    code = models.CharField(max_length=3, help_text="As in an address: NY, ON.")
    name = models.CharField(max_length=60)

    # Set by regions_with_available()
    available: int

    objects = RegionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["country", "code"], name="one_region_per_country_and_code"),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def key(self) -> str:
        """How addresses of pages name it: US-NY."""
        return f"{self.country}-{self.code}"

    @property
    def is_whole_country(self) -> bool:
        return self.code == self.country


# In SQL, because nearly every page asks for them: built from Django's functions they take longer to write than to run.
_AREA_CODES = Func(
    "pk",
    template="""ARRAY(
        SELECT DISTINCT CASE left(digits, 1) WHEN '1' THEN substr(digits, 2, 3) ELSE '+' || digits END AS code
        FROM phone_numbers_prefix WHERE rate_center_id = %(expressions)s ORDER BY code
    )""",
    output_field=ArrayField(models.TextField()),
)
_CHANGED = Func(
    "pk",
    template="coalesce((SELECT sum(change) FROM phone_numbers_stockchange WHERE rate_center_id = %(expressions)s), 0)",
    output_field=models.IntegerField(),
)
_WAITING = Func(
    "pk",
    template="""(
        SELECT count(*) FROM phone_numbers_backorder WHERE state = 'waiting' AND rate_center_id = %(expressions)s
    )""",
    output_field=models.IntegerField(),
)


# Fewer than so many numbers: staff should get more.
FEW_LEFT = 5


class RateCenterQuerySet(models.QuerySet["RateCenter"]):
    def named(self, text: str) -> Self:
        """Rate centres whose name holds ``text``, or that lie in a region of that name; the best answers first.

        It may name the region too: Albany, NY. Where that is not certain, a place of the whole name goes before.
        """
        asked = read(text)
        name, whole = plainly(Value(asked.name)), plainly(Value(text))
        # Asked for by themselves, so that each half of the "or" has its index.
        regions = list(Region.objects.named(asked.name).values_list("pk", flat=True))
        found = Q(plain_name__contains=name) | Q(region__in=regions)
        best = Q(plain_name=name)
        for region in asked.regions:
            found &= Q(region__in=Region.objects.named(region).values("pk"))
        if not asked.is_certain:
            found = Q(plain_name__contains=whole) | found & Q(~Exists(RateCenter.objects.filter(plain_name=whole)))
            best |= Q(plain_name=whole)
        rank = Case(When(best, then=0), When(region__in=regions, then=1), default=2)
        return self.filter(found).order_by(rank, "name", "region__name")

    def spelled_like(self, text: str) -> Self:
        """Rate centres with a name that looks like ``text``, the most similar first."""
        name = plainly(Value(read(text).name))
        found = self.filter(plain_name__trigram_similar=name)
        likeness = TrigramSimilarity("plain_name", name)  # type: ignore[arg-type]
        return found.order_by(-likeness, "name", "region__name")

    def with_prefix(self, digits: str) -> Self:
        """Rate centres with a prefix that begins with ``digits``, or with an area code that covers them."""
        return self.filter(pk__in=Prefix.objects.within(digits).values("rate_center"))

    def with_area_codes(self) -> Self:
        """Each with ``area_codes``, a list: 518, or +4420 outside North America."""
        return self.annotate(area_codes=_AREA_CODES)

    def with_stock(self) -> Self:
        """Each with ``stock``, how many numbers are in stock: what was counted, and what has changed since.

        A number whose hold has run out is counted once a job has put it back, within a minute; whoever asks for it
        gets it at once (see PhoneNumberQuerySet.free).
        """
        return self.annotate(stock=F("counted") + _CHANGED)

    def with_available(self) -> Self:
        """Each with ``stock`` and ``available``: of what is in stock, what nobody waits for.

        It belongs first to those who wait for a number there.
        """
        return self.with_stock().annotate(available=Greatest(F("stock") - _WAITING, 0))

    def running_low(self) -> Self:
        """Places with few numbers left that nobody waits for; with none where somebody waits, or where one should be.

        That is where a product is listed that is sold in some places only. Most places have never had a number.
        """
        return self.filter(pk__in=RawSQL(RUNNING_LOW, [FEW_LEFT])).with_available()  # noqa: S611 (a text of ours)

    def fewest_first(self) -> Self:
        """After with_available(), or what builds on it."""
        return self.order_by("available", "name", "pk")

    def to_show(self) -> Self:
        """Each with what pages say of it: region, area codes, what is available."""
        return self.select_related("region").with_area_codes().with_available()

    def in_order(self) -> Self:
        return self.order_by("name", "region__name")


class RateCenter(models.Model):
    """An area that shares its local calls, such as Albany in New York; toll-free numbers have one of their own."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="rate_centers")
    name = models.CharField(max_length=80)
    # As it is compared with what people type: the database keeps it.
    plain_name = models.GeneratedField(expression=plainly("name"), output_field=models.TextField(), db_persist=True)
    is_toll_free = models.BooleanField(default=False, editable=False)
    # Degrees; empty where nobody knows them.
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    # Numbers in stock when they were last counted up; see StockChange and with_stock().
    counted = models.IntegerField(default=0, editable=False)

    # Set by RateCenterQuerySet.with_stock(), with_available() and with_area_codes()
    stock: int
    available: int
    area_codes: list[str]

    objects = RateCenterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "name"], name="one_rate_center_per_region_and_name"),
        ]
        indexes = [
            # Names that hold what was typed, and names that look like it.
            GinIndex(OpClass("plain_name", "gin_trgm_ops"), name="rate_center_name"),
        ]

    def __str__(self) -> str:
        # Toll-free is no place, and where a region is its whole country the name says it.
        if self.is_toll_free:
            return self.name
        return f"{self.name}, {self.region.name if self.region.is_whole_country else self.region.code}"

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
            models.CheckConstraint(
                condition=Q(longest__gte=F("shortest")),
                name="the_longest_wait_is_not_shorter",
                violation_error_message="The longest wait cannot be shorter than the shortest.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shortest}–{self.longest} business days"


def regions_with_places() -> models.QuerySet[Region]:
    """Regions where there is coverage, by name."""
    return Region.objects.filter(Exists(RateCenter.objects.filter(region=OuterRef("pk")))).order_by("name")


def regions_with_available() -> list[Region]:
    """The same, each with ``available``: how many numbers can be sold in it."""
    return list(Region.objects.raw(REGIONS_WITH_AVAILABLE))


# What has changed at each place since it was counted up, and who waits there. As with_available() has it place by
# place; one pass over all of them is quicker so.
_SINCE_COUNTED = """
    SELECT rate_center_id, sum(change) AS changed FROM (
        SELECT rate_center_id, change FROM phone_numbers_stockchange
        UNION ALL SELECT rate_center_id, -1 FROM phone_numbers_backorder WHERE state = 'waiting'
    ) AS change GROUP BY rate_center_id
"""
REGIONS_WITH_AVAILABLE = f"""
SELECT region.*, available FROM phone_numbers_region AS region
JOIN (
    SELECT region_id, sum(greatest(counted + coalesce(changed, 0), 0))::int AS available
    FROM phone_numbers_ratecenter AS place
    LEFT JOIN ({_SINCE_COUNTED}) AS since ON since.rate_center_id = place.id
    GROUP BY region_id
) AS stock ON stock.region_id = region.id
ORDER BY region.name
"""  # noqa: S608 (nothing in it comes from outside)
RUNNING_LOW = f"""
SELECT id FROM phone_numbers_ratecenter AS place
LEFT JOIN ({_SINCE_COUNTED}) AS since ON since.rate_center_id = place.id
WHERE counted + coalesce(changed, 0) < %s AND (
    counted + coalesce(changed, 0) > 0
    OR id IN (SELECT rate_center_id FROM phone_numbers_offering)
    OR id IN (SELECT rate_center_id FROM phone_numbers_backorder WHERE state = 'waiting')
)
"""  # noqa: S608
