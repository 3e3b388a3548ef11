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
