"""Coverage from the library's real places."""

import pytest
from django.core.management import call_command

from phone_numbers.loading import load_coverage
from phone_numbers.models import Prefix, RateCenter, Region, regions_with_places

pytestmark = pytest.mark.django_db


def test_real_places_are_loaded_once(capsys, django_assert_num_queries):
    call_command("load_coverage")
    assert capsys.readouterr().out.startswith("Coverage: 65 regions, 10,")

    # A region with nothing in it would be a dead end in the browser of states.
    assert len(regions_with_places()) == Region.objects.count()
    brooklyn = RateCenter.objects.get(name="Brooklyn", region__code="NY")
    assert brooklyn.prefixes.filter(digits__startswith="1718").count() > 100
    # "Downtown Brooklyn, Brooklyn, NY" is Brooklyn.
    assert Prefix.objects.get(digits="1718250").rate_center == brooklyn
    assert RateCenter.objects.filter(name__contains=",").count() == 0
    washington = RateCenter.objects.get(region__code="DC")
    assert sorted(washington.prefixes.values_list("digits", flat=True)) == ["1202", "1771"]

    with django_assert_num_queries(1):
        call_command("load_coverage")
    assert capsys.readouterr().out == "Coverage is loaded already.\n"

    # Staff's own place stays, and one that went missing comes back.
    counts = RateCenter.objects.count(), Prefix.objects.count()
    RateCenter.objects.create(region=washington.region, name="Georgetown")
    Prefix.objects.filter(digits="1718250").delete()
    load_coverage()
    assert (RateCenter.objects.count() - 1, Prefix.objects.count()) == counts
