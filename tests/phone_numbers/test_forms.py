"""Country, state or province, area: what each step asks next, and what does not fit."""

import pytest

from phone_numbers.forms import LocationForm
from tests.phone_numbers.conftest import place


def keys(form: LocationForm) -> dict[str, list[str]]:
    """What can be chosen, without the first line that asks for it."""
    return {name: [str(key) for key, _ in field.choices if key] for name, field in form.fields.items()}


def test_at_first_the_states_of_the_us_are_asked_for(places):
    form = LocationForm(None)
    assert keys(form) == {"country": ["US", "CA", "GB"], "region": ["US-NY", "US-TF"]}
    assert (form.is_valid(), form.place) == (True, None)
    assert form["region"].label_tag() == '<label for="id_region">State:</label>'


def test_each_choice_narrows_the_next(places):
    by_country = LocationForm({"country": "CA"})
    by_region = LocationForm({"country": "CA", "region": "CA-ON"})
    areas = [str(places[name].pk) for name in ("Brooklin", "New Albany")]
    countries = ["US", "CA", "GB"]
    assert keys(by_country) == {"country": countries, "region": ["CA-ON"]}
    assert keys(by_region) == {"country": countries, "region": ["CA-ON"], "area": areas}
    assert by_country.fields["region"].label == "Province"
    assert [form.is_valid() for form in (by_country, by_region)] == [True, True]
    assert [form.place for form in (by_country, by_region)] == [None, None]


def test_a_complete_choice_is_a_place(places):
    form = LocationForm({"country": "US", "region": "US-NY", "area": str(places["Albany"].pk)})
    assert (form.is_valid(), form.place) == (True, places["Albany"])
    assert form.place.available == 3


@pytest.mark.parametrize("name", ["Albany", "Brooklin", "London", "Toll-free"])
def test_the_area_alone_says_the_rest(places, name):
    form = LocationForm({"area": str(places[name].pk)})
    assert (form.is_valid(), form.place, form.region) == (True, places[name], places[name].region)


def test_where_the_region_is_the_country_there_is_no_step_for_it(places, britain):
    place(britain, "Leeds", "44113")
    form = LocationForm({"country": "GB"})
    assert list(form.fields) == ["country", "area"]
    assert (form.is_valid(), form.place, len(keys(form)["area"])) == (True, None, 2)


def test_a_region_with_one_area_needs_no_choice_of_it(places):
    form = LocationForm({"country": "US", "region": "US-TF"})
    assert (form.is_valid(), form.place) == (True, places["Toll-free"])


def test_the_name_of_a_place_is_text_and_no_markup(places, new_york):
    made = place(new_york, """O'Brien & "<b>Sons</b>\"""")
    form = LocationForm({"region": "US-NY", "area": str(made.pk)})
    options = str(form["area"]).splitlines()
    name = "O&#x27;Brien &amp; &quot;&lt;b&gt;Sons&lt;/b&gt;&quot;"
    assert options[-1] == f'<option value="{made.pk}" selected>{name}</option></select>'


def test_without_any_place_nothing_is_asked(db):
    form = LocationForm(None)
    assert (keys(form), form.is_valid(), form.place) == ({"country": []}, True, None)


@pytest.mark.parametrize(
    ("chosen", "errors"),
    [
        ({"country": "ZZ"}, {"country": ["We have no numbers there. Choose one of the list."]}),
        ({"country": "\x00"}, {"country": ["We have no numbers there. Choose one of the list."]}),
        ({"country": "US", "region": "US-ZZ"}, {"region": ["We know no such place. Choose one of the list."]}),
        ({"region": "US-ZZ"}, {"region": ["We know no such place. Choose one of the list."]}),
        (
            {"country": "CA", "region": "US-NY"},
            {"region": ["New York is not in Canada. Choose one of the list."]},
        ),
        (
            {"country": "GB", "region": "US-NY"},
            {"region": ["New York is not in United Kingdom. Choose one of the list."]},
        ),
        (
            {"country": "US", "region": "US-NY", "area": "Brooklin"},
            {"area": ["Brooklin, ON is not in New York. Choose one of the list."]},
        ),
        (
            {"country": "CA", "area": "Albany"},
            {"region": ["New York is not in Canada. Choose one of the list."]},
        ),
        ({"area": "0"}, {"area": ["We know no such area. Choose one of the list."]}),
        ({"area": "9" * 30}, {"area": ["We know no such area. Choose one of the list."]}),
        ({"region": "US-NY", "area": "1 OR 1"}, {"area": ["We know no such area. Choose one of the list."]}),
        ({"region": "US-NY", "area": "²"}, {"area": ["We know no such area. Choose one of the list."]}),
    ],
)
def test_what_does_not_fit_is_refused_beside_the_field(places, chosen, errors):
    area = chosen.get("area", "")
    form = LocationForm(chosen | ({"area": str(places[area].pk)} if area in places else {}))
    assert (form.errors, form.place) == (errors, None)


@pytest.mark.parametrize(
    ("chosen", "region", "asked"),
    [
        ({"country": "CA", "region": "US-NY", "area": "1"}, None, ["country", "region"]),
        ({"country": "GB", "region": "US-NY", "area": "1"}, "GB-GB", ["country", "area"]),
        ({"country": "CA", "region": "CA-ON", "area": "0"}, "CA-ON", ["country", "region", "area"]),
    ],
)
def test_asking_for_the_next_step_drops_what_no_longer_fits(places, chosen, region, asked):
    form = LocationForm(chosen | {"show": "next"})
    assert (form.errors, list(form.fields), form.region and form.region.key) == ({}, asked, region)


def test_the_queries_do_not_grow_with_the_places(places, new_york, django_assert_num_queries):
    # Regions and areas.
    with django_assert_num_queries(2):
        str(LocationForm({"region": "US-NY"}))
    for name in ("Cohoes", "Troy"):
        place(new_york, name)
    with django_assert_num_queries(2):
        str(LocationForm({"region": "US-NY"}))


def test_the_options_are_escaped(new_york):
    place(new_york, "<b>Albany</b>")
    made = place(new_york, "Troy")
    field = str(LocationForm({"area": str(made.pk)})["area"])
    assert field.count("&lt;b&gt;Albany&lt;/b&gt;</option>") == 1
    assert field.count(f'<option value="{made.pk}" selected>Troy</option>') == 1
