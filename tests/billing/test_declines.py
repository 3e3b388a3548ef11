"""Why a bank declined a card: the words, and whether trying again can help."""

import pytest

from billing import declines


@pytest.mark.parametrize(
    ("code", "again"),
    [
        # Another day it may be taken.
        ("insufficient_funds", True),
        ("card_velocity_exceeded", True),
        ("withdrawal_count_limit_exceeded", True),
        ("processing_error", True),
        ("issuer_not_available", True),
        ("try_again_later", True),
        ("reenter_transaction", True),
        # The bank has not said why.
        ("do_not_honor", True),
        ("generic_decline", True),
        ("card_declined", True),
        ("a_code_of_next_year", True),
        # No bank was asked, or none has said no.
        ("", True),
        # The customer must act.
        ("expired_card", False),
        ("incorrect_number", False),
        ("incorrect_cvc", False),
        ("invalid_expiry_year", False),
        ("card_not_supported", False),
        ("currency_not_supported", False),
        ("authentication_required", False),
        ("payment_intent_authentication_failure", False),
        ("lost_card", False),
        ("stolen_card", False),
        ("pickup_card", False),
        ("fraudulent", False),
        ("restricted_card", False),
        ("stop_payment_order", False),
        ("revocation_of_authorization", False),
        ("transaction_not_allowed", False),
    ],
)
def test_trying_again_is_told_from_what_the_customer_must_do(code, again):
    assert declines.can_try_again(code) is again


def test_whoever_must_act_is_not_told_to_try_again():
    told = {code for code in declines.NEEDS_CUSTOMER if "try again later" in declines.in_words(code).lower()}
    assert told == set()


def test_a_stolen_card_is_declined_in_the_words_of_any_other():
    assert declines.in_words("stolen_card") == declines.in_words("generic_decline")
