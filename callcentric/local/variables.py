"""The portal's environment variables (.env.example) on one machine, besides those that name a server."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from callcentric.local.state import State, write_private


def basics(state: State, *, site_url: str) -> dict[str, str]:
    return {
        "PORTAL_DATA": str(state.folder),
        "PORTAL_DEV": "True",
        "SECRET_KEY": state.secret("secret_key"),
        "SITE_URL": site_url,
        "ALLOWED_HOSTS": "127.0.0.1,localhost,[::1]",
        # E-mails stay in the database: the outbox below /dev/ shows them.
        "EMAIL_URL": "dummymail://",
        "DEFAULT_FROM_EMAIL": "Callcentric <help@callcentric.example>",
        "LOG_FORMAT": "console",
    }


def write(file: Path, variables: Mapping[str, str]) -> None:
    """Leave ``variables`` for ``manage.py`` beside a running portal, and for a shell; the user alone may read them."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())]
    write_private(file, "".join(lines))
