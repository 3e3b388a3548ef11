"""Which places are a local call from a place, and the file that says so."""

from io import BytesIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from phone_numbers.local_calling import FileRefused, LocalAreas, import_local_calling
from phone_numbers.local_calling import local_to as verb
from phone_numbers.models import LocalCalling, Prefix, RateCenter
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory


def place(name: str, *digits: str, at: tuple[float, float] | None = None, **more: object) -> RateCenter:
    latitude, longitude = at or (None, None)
    made = RateCenterFactory(name=name, latitude=latitude, longitude=longitude, **more)
    Prefix.objects.bulk_create(Prefix(rate_center=made, digits=each) for each in digits)
    return made


@pytest.fixture
def albany(db) -> RateCenter:
    return place("Albany", "1518207", at=(42.65, -73.75))


@pytest.fixture
def vermont(db):
    return RegionFactory(code="VT", name="Vermont")


def local_to(rate_center: RateCenter) -> LocalAreas:
    return verb(RateCenter.objects.to_show().get(pk=rate_center.pk))


def found(answer: LocalAreas) -> list[str]:
    return [str(place) for place in answer.places]


# --- The estimate -----------------------------------------------------------------------------------------------------
def test_places_of_the_state_within_40_km_are_local_the_nearest_first(albany):
    place("Schenectady", at=(42.80, -73.93))
    place("Troy", at=(42.73, -73.69))
    place("Saratoga Springs", at=(43.08, -73.78))
    # In the square around Albany, and not in the circle.
    place("Corner", at=(42.99, -74.20))
    place("Nowhere")
    answer = local_to(albany)
    assert found(answer) == ["Troy, NY", "Schenectady, NY"]
    assert [round(each.kilometres, 1) for each in answer.places] == [10.2, 22.2]
    assert (answer.is_estimate, answer.basis) == (True, "within 40 km, an estimate")


def test_over_the_border_only_what_shares_an_area_code_is_local(albany, vermont):
    place("Troy")
    place("Bennington", "1802442", at=(42.66, -73.74), region=vermont)
    place("Shares It", "1802443", "1518555", at=(42.67, -73.74), region=vermont)
    assert found(local_to(albany)) == ["Shares It, VT"]


def test_a_state_of_one_place_looks_over_its_borders(albany, vermont):
    washington = place("Washington", "1202", at=(42.66, -73.74), region=vermont)
    assert found(local_to(washington)) == ["Albany, NY"]


def test_without_coordinates_the_area_code_must_do(db):
    ontario = RegionFactory(country="CA", code="ON", name="Ontario")
    toronto = place("Toronto", "1416207", "1437", region=ontario)
    place("Scarborough", "1416208", region=ontario)
    york = place("York", "1437221", region=ontario)
    place("Ottawa", "1613207", region=ontario)
    place("Albany", "1416999")
    PhoneNumberFactory(rate_center=york)
    answer = local_to(toronto)
    # Where distances are not known, those with numbers come first.
    assert found(answer) == ["York, ON", "Scarborough, ON"]
    assert answer.basis == "with the same area code, an estimate: distances are not known here"
    assert answer.is_estimate is True


@pytest.mark.parametrize(
    ("more", "basis"),
    [
        ({"is_toll_free": True}, "a call to a toll-free number costs the caller nothing, from anywhere"),
        ({"country": "DE"}, "which areas are local is not known outside North America"),
    ],
)
def test_where_nothing_is_local_it_says_why(albany, more, basis):
    region = RegionFactory(country=more.pop("country", "US"), code="XX", name="Elsewhere")
    assert local_to(place("Somewhere", at=(42.66, -73.74), region=region, **more)) == LocalAreas(basis=basis)


def test_where_no_place_is_near_it_says_so(albany):
    assert local_to(albany) == LocalAreas([], True, "we know of no other area within 40 km")
    assert local_to(place("Nowhere")) == LocalAreas([], True, "we know of no other area with the same area code")


def test_toll_free_is_local_to_nothing(albany):
    place("Toll-free", at=(42.66, -73.74), is_toll_free=True)
    assert found(local_to(albany)) == []


def test_twelve_places_are_enough(albany):
    for number in range(14):
        place(f"Town {number:02}", at=(42.65 + number / 100, -73.75))
    assert found(local_to(albany)) == [f"Town {number:02}, NY" for number in range(12)]


# --- What was imported ------------------------------------------------------------------------------------------------
def test_what_was_imported_wins_over_the_estimate(albany, vermont):
    place("Troy", at=(42.73, -73.69))
    unknown = place("Adams", region=vermont)
    far = place("Rutland", at=(43.61, -72.97), region=vermont)
    LocalCalling.objects.bulk_create(LocalCalling(rate_center=albany, to=to) for to in (unknown, far))
    # The other way round says nothing.
    LocalCalling.objects.create(rate_center=place("Utica"), to=albany)
    answer = local_to(albany)
    assert found(answer) == ["Rutland, VT", "Adams, VT"]
    assert (answer.is_estimate, answer.basis) == (False, "that the phone companies list as local")


@pytest.mark.parametrize("is_imported", [True, False])
@pytest.mark.parametrize("others", [1, 3])
def test_one_query_and_what_is_available_is_at_hand(albany, others, is_imported, django_assert_num_queries):
    for number in range(others):
        made = place(f"Town {number}", at=(42.66 + number / 100, -73.75))
        PhoneNumberFactory.create_batch(number, rate_center=made)
        if is_imported:
            LocalCalling.objects.create(rate_center=albany, to=made)
    albany = RateCenter.objects.to_show().get(pk=albany.pk)
    with django_assert_num_queries(1):
        answer = verb(albany)
        assert [(str(each), each.available) for each in answer.places] == [(f"Town {n}, NY", n) for n in range(others)]


# --- The file ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def towns(albany, vermont) -> None:
    place("Troy")
    place("St. Albans", region=vermont)


def pairs() -> list[str]:
    rows = LocalCalling.objects.select_related("rate_center__region", "to__region").order_by("pk")
    return [f"{row.rate_center} > {row.to}" for row in rows]


def load(text: str, **options: object) -> int:
    return import_local_calling(BytesIO(text.encode()), **options)


def test_a_file_adds_pairs_once(towns):
    text = 'from,to\n"Albany, NY","Troy, NY"\n\n"albany, new york","Saint Albans, VT"\n"Albany, NY","Troy, NY"\n'
    assert (load(text), load(text)) == (2, 0)
    assert pairs() == ["Albany, NY > Troy, NY", "Albany, NY > St. Albans, VT"]


def test_both_ways(towns):
    assert load('\ufeffFrom,To\n"Troy, NY","Albany, NY"\n', both_ways=True) == 2
    assert sorted(pairs()) == ["Albany, NY > Troy, NY", "Troy, NY > Albany, NY"]


def test_every_line_that_is_wrong_is_named_and_nothing_is_loaded(towns):
    text = (
        'from,to\n"Albany, NY","Troy, NY"\n"Albany, NY","Atlantis, NY"\n"Alb, NY","At, NY"\n'
        '"Troy, NY","Troy, New York"\nAlbany,NY,Troy\n"Albany, NY"\n"Alb\x00any, NY","Troy, NY"\n'
    )
    with pytest.raises(FileRefused) as refused:
        load(text)
    assert refused.value.messages == [
        "Line 3: there is no place “Atlantis, NY”.",
        "Line 4: there is no place “Alb, NY” and no place “At, NY”.",
        "Line 5: “Troy, NY” is local to itself anyway.",
        'Line 6: two places are needed, in quotes: "Albany, NY","Troy, NY".',
        'Line 7: two places are needed, in quotes: "Albany, NY","Troy, NY".',
        "Line 8: there is no place “Alb\x00any, NY”.",
    ]
    assert pairs() == []


@pytest.mark.parametrize("content", [b"", b"Albany,Troy\n", b"from,to,more\n", b'"Albany, NY","Troy, NY"\n'])
def test_a_file_without_its_heading_is_refused(towns, content):
    with pytest.raises(FileRefused, match='The first line must be the heading "from,to"'):
        import_local_calling(BytesIO(content))


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04\xff\xfe", b"from,to\n\xff\xfe,Troy\n", b'from,to\n"' + b"x" * 140_000]
)
def test_a_file_that_is_no_csv_is_refused(towns, content):
    with pytest.raises(FileRefused, match=r"This is no CSV file in UTF-8\."):
        import_local_calling(BytesIO(content))


def test_a_large_file_says_how_far_it_is(towns):
    said = []
    load("from,to\n" + '"Albany, NY","Troy, NY"\n' * 100_000, say=said.append)
    assert said == ["  100,000 lines read"]


def test_the_command_loads_a_file(towns, tmp_path, capsys):
    file = tmp_path / "local.csv"
    file.write_text('from,to\n"Troy, NY","Albany, NY"\n')
    call_command("load_local_calling", str(file))
    call_command("load_local_calling", str(file), both_ways=True)
    assert capsys.readouterr().out == "Local calling: 1 pair added.\nLocal calling: 1 pair added.\n"


def test_the_command_says_what_is_wrong(towns, tmp_path):
    file = tmp_path / "local.csv"
    file.write_text('from,to\n"Troy, NY","Atlantis"\n')
    with pytest.raises(CommandError, match=r"^Line 2: there is no place “Atlantis”\.\nNothing was loaded\.$"):
        call_command("load_local_calling", str(file))
    with pytest.raises(CommandError, match=r"missing\.csv cannot be read: No such file or directory\.$"):
        call_command("load_local_calling", str(tmp_path / "missing.csv"))


# --- What the database holds ------------------------------------------------------------------------------------------
def test_a_place_is_local_to_itself_anyway(albany):
    with pytest.raises(IntegrityError, match="a_place_is_local_to_itself_anyway"):
        LocalCalling.objects.create(rate_center=albany, to=albany)


def test_one_row_per_pair(towns, albany):
    LocalCalling.objects.create(rate_center=albany, to=RateCenter.objects.get(name="Troy"))
    with pytest.raises(IntegrityError, match="one_local_calling_row_per_pair"):
        LocalCalling.objects.create(rate_center=albany, to=RateCenter.objects.get(name="Troy"))
