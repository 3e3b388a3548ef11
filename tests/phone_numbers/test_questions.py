"""What is typed into the search box, and how it is understood."""

import pytest

from phone_numbers.questions import Question, Unclear, understand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Brooklyn", {}),
        ("Albany, NY", {}),
        ("100 Mile House", {}),
        ("Endicott", {}),
        ("Brooklyn 718", {}),
        ("Ends", {}),
        ("St. John's", {}),
        ("718", {"digits": "1718"}),
        ("7182", {"digits": "17182"}),
        ("718-555", {"digits": "1718555"}),
        ("(718) 555-0100", {"digits": "17185550100"}),
        ("1.718.555", {"digits": "1718555"}),
        ("+1 718", {"digits": "1718"}),
        ("+1 518 555 0100", {"digits": "15185550100"}),
        ("+1 (518) 555-0100", {"digits": "15185550100"}),
        ("+44 20", {"digits": "4420"}),
        ("+7", {"digits": "7"}),
        ("12207", {"zip_code": "12207"}),
        ("00501", {"zip_code": "00501"}),
        ("12207-1234", {"zip_code": "12207"}),
        ("71855", {"digits": "171855", "zip_code": "71855"}),
        ("ends 0142", {"ending": "0142"}),
        ("Ending 0142", {"ending": "0142"}),
        ("ends in 01-42", {"ending": "0142"}),
        ("ending with 42", {"ending": "42"}),
        ("…0142", {"ending": "0142"}),
        ("... 0142", {"ending": "0142"}),
        ("*0142", {"ending": "0142"}),
    ],
)
def test_what_is_typed_is_understood(text, expected):
    assert understand(text) == Question(text, **expected)


@pytest.mark.parametrize(
    ("text", "same_as"), [("٧١٨", "718"), ("７１８-٥٥٥", "718-555"), ("ends ٤٢", "ends 42"), ("१२२०७", "12207")]
)
def test_digits_of_other_scripts_are_digits(text, same_as):
    assert understand(text) == understand(same_as)


def test_spaces_do_not_matter():
    assert understand("  Albany ,   NY ") == Question("Albany , NY")


LETTERS = "A number is searched by digits alone: type 718-555, without letters."
AREA_CODE = "Type an area code of three digits, or up to ten digits of a number: 718 or 718-555-0100."
NO_AREA_CODE = "No area code begins with 0 or 1. For another country, begin with + and its code: +44 20."


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("718x", LETTERS),
        ("x718", LETTERS),
        ("718-5O5", LETTERS),
        ("1-800-FLOWERS", LETTERS),
        ("71", AREA_CODE),
        ("1", AREA_CODE),
        ("()", AREA_CODE),
        ("718-555-01000", AREA_CODE),
        ("018 555", NO_AREA_CODE),
        ("118-555", NO_AREA_CODE),
        ("00 44 20", "Type + and the country's code for another country: +44 20."),
        ("+", "After the + comes the country's code: +44 20."),
        ("+0 44", "After the + comes the country's code: +44 20."),
        ("+44 20 7946 0123 4567", "After the + comes the country's code: +44 20."),
        ("K1A 0B1", "We look up ZIP codes of the US only. For a place in Canada, type its name or its area code."),
        ("ends 01x2", "A number ends in digits: type “ends 0142”, without letters."),
        ("ends 2", "Type two to ten digits that the number should end in, such as “ends 0142”."),
        ("ends 12345678901", "Type two to ten digits that the number should end in, such as “ends 0142”."),
    ],
)
def test_what_is_unclear_is_answered_with_what_to_type(text, answer):
    with pytest.raises(Unclear) as refusal:
        understand(text)
    assert str(refusal.value) == answer
