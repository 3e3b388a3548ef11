"""The same number wanted by 32 HTTP clients at once, of a running server."""

import pytest
from django.core.management import call_command

from orders.models import CartLine
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.server import running_server
from tests.wanted import log_in, order_at_once


@pytest.mark.race
def test_of_32_clients_one_gets_it_20_times(transactional_db):
    call_command("load_catalog", verbosity=0)
    place = RateCenterFactory()
    # Others in stock, so that every client gets as far as the number itself.
    PhoneNumberFactory.create_batch(5, rate_center=place)
    sessions = log_in(32)
    with running_server() as (host, port):
        for _ in range(20):
            number = PhoneNumberFactory(rate_center=place)
            answers = order_at_once(host, port, number, product="pay-per-minute", sessions=sessions)
            number.refresh_from_db()
            assert answers == [302] + [409] * 31
            assert CartLine.objects.get(phone_number=number).token == number.held_by
