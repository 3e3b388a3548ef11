import pytest


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Slow hashing guards real passwords; here it would only slow down a hundred logins."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
