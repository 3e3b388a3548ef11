"""Logging in as a browser does, and what the page answers."""

import json

from django.test import Client
from django.urls import reverse

PASSWORD = "correct horse battery"
MISMATCH = (
    "This username and this password do not belong together. Check both and try again. "
    "Your 1777 number or your e-mail address will do instead of the username."
)
PAUSED = (
    "Too many logins have failed, so we have paused them for this name or from where you are. "
    "Wait 15 minutes and try again, or reset your password: “Forgot your Username or Password?”"
)


def log_in(client: Client, login: str, password: str = PASSWORD, *, ip: str = "192.0.2.1", **more):
    return client.post(reverse("account_login"), {"login": login, "password": password, **more}, REMOTE_ADDR=ip)


def errors(response) -> dict[str, list[str]]:
    return {
        field: [error["message"] for error in found]
        for field, found in json.loads(response.context["form"].errors.as_json()).items()
    }


def is_logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session
