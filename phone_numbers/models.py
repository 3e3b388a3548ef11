"""Where numbers live: country, state or province, rate centre, prefixes."""

from typing import Self

from django.db import models
from django.db.models import Count, Prefetch, Q
from django_countries.fields import CountryField


class Region(models.Model):
    """A state or province."""

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

    def in_order(self) -> Self:
        return self.order_by("name", "region__name")


class RateCenter(models.Model):
    """An area that shares its local calls, such as Albany in New York."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="rate_centers")
    name = models.CharField(max_length=80)

    objects = RateCenterQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "name"], name="one_rate_center_per_region_and_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.region.code}"


class PrefixQuerySet(models.QuerySet["Prefix"]):
    def within(self, digits: str) -> Self:
        """Prefixes that begin with ``digits``, and whole area codes that these digits lie in."""
        if len(digits) <= 3:
            return self.filter(digits__startswith=digits)
        return self.filter(Q(digits__startswith=digits[:6]) | Q(digits=digits[:3]))


class Prefix(models.Model):
    """The first digits of a place's numbers: area code and exchange (NPA-NXX), or a whole area code."""

    rate_center = models.ForeignKey(RateCenter, on_delete=models.PROTECT, related_name="prefixes")
    digits = models.CharField(max_length=6, unique=True)

    objects = PrefixQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "prefixes"
        constraints = [
            models.CheckConstraint(
                condition=Q(digits__regex=r"^[2-9]\d\d([2-9]\d\d)?$"),
                name="prefix_is_an_area_code_with_or_without_an_exchange",
            ),
        ]

    def __str__(self) -> str:
        return "-".join(filter(None, [self.area_code, self.exchange]))

    @property
    def area_code(self) -> str:
        return self.digits[:3]

    @property
    def exchange(self) -> str:
        return self.digits[3:]


def regions_with_places() -> models.QuerySet[Region]:
    """Regions where there is coverage, with how many rate centres each has; the US first."""
    counted = Region.objects.annotate(places=Count("rate_centers"))
    return counted.filter(places__gt=0).order_by("-country", "name")
