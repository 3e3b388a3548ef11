"""Says in the customer's words why a bank declined a card, and whether trying again can help."""

DEFAULT = "Your bank declined the card and did not say why. Use another card, or ask your bank."

_LOST = "Your bank declined the card. Use another card, or ask your bank."
WORDS = {
    "insufficient_funds": "There is not enough money on the card. Use another card, or try again later.",
    "expired_card": "The card has expired. Use another card.",
    "incorrect_cvc": "The security code of the card is wrong. Add the card again with the right code.",
    "invalid_cvc": "The security code of the card is wrong. Add the card again with the right code.",
    "incorrect_number": "The card number is wrong. Add the card again with the right number.",
    "invalid_number": "The card number is wrong. Add the card again with the right number.",
    "invalid_expiry_month": "The expiry date of the card is wrong. Add the card again with the right date.",
    "invalid_expiry_year": "The expiry date of the card is wrong. Add the card again with the right date.",
    "incorrect_zip": "The postal code does not match the card. Add the card again with the right one.",
    "card_not_supported": "This card cannot be used for payments like this one. Use another card.",
    "currency_not_supported": "This card cannot pay in US dollars. Use another card.",
    "card_velocity_exceeded": "The card has reached its limit. Use another card, or try again later.",
    "withdrawal_count_limit_exceeded": "The card has reached its limit. Use another card, or try later.",
    "processing_error": "The bank could not process the payment. Try again in a few minutes.",
    "issuer_not_available": "Your bank could not be reached. Try again in a few minutes.",
    "try_again_later": "Your bank could not be reached. Try again in a few minutes.",
    "reenter_transaction": "The bank could not process the payment. Try again in a few minutes.",
    "authentication_required": "Your bank wants you to confirm the payment. Try again and confirm it.",
    "payment_intent_authentication_failure": (
        "The payment was not confirmed with your bank. Try again and confirm it, or use another card."
    ),
    # These say less than they know: whoever holds a stolen card should not learn that it is reported.
    "lost_card": _LOST,
    "stolen_card": _LOST,
    "pickup_card": _LOST,
    "fraudulent": _LOST,
    "do_not_honor": _LOST,
    "card_declined": _LOST,
    "generic_decline": _LOST,
}


def in_words(code: str) -> str:
    """Why the card was declined, and what to do next. Nothing was charged."""
    return f"{WORDS.get(code, DEFAULT)} Nothing was charged."


# After these the same card is declined for ever, or until its customer has done something. Stripe tries none of them
# again either. A bank that gives no reason may take the card another day.
NEEDS_CUSTOMER = frozenset(
    {
        "authentication_required",
        "card_not_supported",
        "currency_not_supported",
        "expired_card",
        "fraudulent",
        "highest_risk_level",
        "incorrect_address",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_pin",
        "incorrect_zip",
        "invalid_account",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "invalid_pin",
        "live_mode_test_card",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "not_permitted",
        "payment_intent_authentication_failure",
        "payment_method_not_available",
        "pickup_card",
        "pin_try_exceeded",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "service_not_allowed",
        "stolen_card",
        "stop_payment_order",
        "testmode_decline",
        "transaction_not_allowed",
    }
)


def can_try_again(code: str) -> bool:
    """Whether the same card may be taken another time, without its customer doing anything.

    ``code`` is empty where no bank has said no: then nothing is known against trying again.
    """
    return code not in NEEDS_CUSTOMER
