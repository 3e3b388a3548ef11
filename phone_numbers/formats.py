"""How numbers are written. Nothing here decides whether a number is real: 1777 numbers are not, and are ours."""

import re

import phonenumbers

NORTH_AMERICAN = re.compile(r"1[2-9]\d{9}")
ACCOUNT_NUMBER = re.compile(r"1777\d{7}")


def national(digits: str) -> str:
    """``digits`` (with country code, without plus) as they are written in North America, else with the country's code.

    A 1777 number stays as it is: it is an account's, and in no numbering plan.
    """
    if ACCOUNT_NUMBER.fullmatch(digits):
        return digits
    # As the library has them too, which takes many times as long: pages are full of these.
    if NORTH_AMERICAN.fullmatch(digits):
        return f"({digits[1:4]}) {digits[4:7]}-{digits[7:]}"
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return f"+{digits}"
    form = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, form.NATIONAL if digits[0] == "1" else form.INTERNATIONAL)


def calling_code(country: str) -> str:
    """The digits that numbers of ``country`` (US, DE) begin with: 1, 49."""
    return str(phonenumbers.country_code_for_region(country))
