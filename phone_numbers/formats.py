"""How numbers are written. Nothing here decides whether a number is real: 1777 numbers are not, and are ours."""

import re

import phonenumbers

ACCOUNT_NUMBER = re.compile(r"1777\d{7}")


def national(digits: str) -> str:
    """``digits`` (with country code, without plus) as they are written in North America, else with the country's code.

    A 1777 number stays as it is: it is an account's, and in no numbering plan.
    """
    if ACCOUNT_NUMBER.fullmatch(digits):
        return digits
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return f"+{digits}"
    form = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, form.NATIONAL if digits[0] == "1" else form.INTERNATIONAL)


def calling_code(country: str) -> str:
    """The digits that numbers of ``country`` (US, DE) begin with: 1, 49."""
    return str(phonenumbers.country_code_for_region(country))
