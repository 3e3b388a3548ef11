"""Saying no to a customer, in the customer's words."""

from django.core.exceptions import ValidationError


class Refused(ValidationError):
    """What was asked for is against a rule.

    Subclassed beside the function that raises it. The message is shown to the customer as it is: it names the rule,
    says what to do next, and never shows an internal id. Views catch this and nothing wider.
    """

    def __str__(self) -> str:
        return " ".join(self.messages)
