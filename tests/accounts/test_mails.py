"""E-mails are rows first: whatever becomes of the broker, what caused them is done."""

import pytest
from django.conf import settings
from django.db import transaction
from post_office.models import Email

from accounts import mails


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_fails_nothing(alice, broker_away, caplog):
    with transaction.atomic():
        mails.write(alice, subject="Hello", template="orders/emails/order_not_completed.txt", link="", order=None)
    mail = Email.objects.get()
    assert (mail.to, mail.subject, mail.status) == (["alice@example.com"], "Hello", 2)
    assert "Error calling" in caplog.text


@pytest.mark.django_db
def test_it_goes_to_the_accounts_address_from_ours(alice):
    mails.write(alice, subject="Hello", template="orders/emails/order_not_completed.txt", link="", order=None)
    mail = Email.objects.get()
    assert (mail.from_email, mail.message.splitlines()[0]) == (settings.DEFAULT_FROM_EMAIL, "Hello Alice,")
