"""Gives a place another name; where a place of that name exists, the two become one."""

from django.db import transaction
from django.db.models import ManyToOneRel

from phone_numbers.models import LocalCalling, Offering, RateCenter, StockChange


@transaction.atomic
def rename(place: RateCenter, *, name: str) -> None:
    """Call ``place`` ``name``. Prefixes, numbers, services and whatever else belongs to it stay with it."""
    same = RateCenter.objects.filter(region=place.region_id, name=name).exclude(pk=place.pk).first()
    if same is None:
        place.name = name
        place.save(update_fields=["name"])
        return
    _move_local_calling(place, same)
    Offering.objects.filter(rate_center=place, product__in=same.offerings.values("product")).delete()
    for relation in RateCenter._meta.get_fields(include_hidden=True):
        # Numbers that move are counted where they go by the database's own triggers; what is left here is 0 in sum.
        if isinstance(relation, ManyToOneRel) and relation.related_model not in (LocalCalling, StockChange):
            key = relation.field.name
            relation.related_model._base_manager.filter(**{key: place}).update(**{key: same})
    place.delete()


def _move_local_calling(old: RateCenter, new: RateCenter) -> None:
    """Pairs that ``new`` has already stay as they are; the old ones go with the old place."""
    outward = [(new.pk, to) for to in old.local_calling.values_list("to", flat=True)]
    inward = [(pk, new.pk) for pk in LocalCalling.objects.filter(to=old).values_list("rate_center", flat=True)]
    pairs = {pair for pair in outward + inward if pair[0] != pair[1]}
    rows = [LocalCalling(rate_center_id=here, to_id=there) for here, there in sorted(pairs)]
    LocalCalling.objects.bulk_create(rows, ignore_conflicts=True)
