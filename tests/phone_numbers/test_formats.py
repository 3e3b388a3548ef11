"""How numbers are written."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from phone_numbers.formats import ACCOUNT_NUMBER, national


@pytest.mark.parametrize(
    ("digits", "written"),
    [
        ("15185550142", "(518) 555-0142"),
        ("18885550142", "(888) 555-0142"),
        ("442079460123", "+44 20 7946 0123"),
        # An account's, and one that is none.
        ("17771234567", "17771234567"),
        ("15", "+15"),
    ],
)
def test_numbers_are_written_as_in_their_country(digits, written):
    assert national(digits) == written


@given(st.integers(12_000_000_000, 19_999_999_999).map(str))
def test_north_american_numbers_are_written_as_the_library_has_them(digits):
    assume(not ACCOUNT_NUMBER.fullmatch(digits))
    number = phonenumbers.parse(f"+{digits}")
    assert national(digits) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
