"""What every test may use. The servers are real: PostgreSQL, Valkey, Celery workers, localstripe and Chromium."""

from datetime import date

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from accounts.models import Account, User
from callcentric.celery import app as celery_app
from tests.emptying import _quick_flush  # noqa: F401
from tests.factories import AccountFactory, UserFactory
from tests.localstripe import _add_card, _stripe, stripe_server, stripe_webhooks  # noqa: F401

# The date tests run on unless they pass another: a day in mid-month, far from every deadline of the cycle.
TODAY = date(2027, 1, 11)


@pytest.fixture(autouse=True)
def _clean_cache():
    """Rate limits and sessions of one test are none of the next one's business."""
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Slow hashing guards real passwords; here it would only slow down hundreds of logins."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def alice(db) -> Account:
    return AccountFactory(user__username="alice")


@pytest.fixture
def bob(db) -> Account:
    return AccountFactory(user__username="bob")


@pytest.fixture
def sam(db) -> User:
    """Staff: may do everything in the admin, and holds no account."""
    return UserFactory(username="sam", is_staff=True, is_superuser=True)


@pytest.fixture
def alice_client(alice: Account) -> Client:
    client = Client()
    client.force_login(alice.user)
    return client


@pytest.fixture
def bob_client(bob: Account) -> Client:
    client = Client()
    client.force_login(bob.user)
    return client


@pytest.fixture
def sam_client(sam: User) -> Client:
    client = Client()
    client.force_login(sam)
    return client


@pytest.fixture
def catalog(db) -> None:
    """The products, prices, tax rates and embargoed countries that `manage.py prepare` loads."""
    call_command("load_catalog", verbosity=0)


@pytest.fixture
def broker_away():
    """A broker that nobody answers at: port 1 of this machine."""
    there = celery_app.conf.broker_url
    # Sent for real, whatever the module has its tasks do.
    celery_app.conf.task_always_eager = False
    celery_app.conf.update(broker_url="redis://127.0.0.1:1/0", broker_write_url="redis://127.0.0.1:1/0")
    celery_app.amqp.__dict__.pop("_producer_pool", None)
    celery_app._pool = None
    yield
    celery_app.conf.update(broker_url=there, broker_write_url=there)
    celery_app.amqp.__dict__.pop("_producer_pool", None)
    celery_app._pool = None
