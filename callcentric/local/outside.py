"""Servers that the environment names instead of ours: whether they answer, asked before they are used."""

from urllib.parse import unquote, urlsplit

import psycopg
import redis

from callcentric.local.servers import ONCE
from callcentric.local.state import CannotStart

PATIENCE_SECONDS = 5


def check_database(url: str) -> None:
    """Refuse a DATABASE_URL that nobody answers at. Settings for Django after a ``?`` mean nothing here."""
    parts = urlsplit(url)
    try:
        psycopg.connect(
            host=parts.hostname,
            port=parts.port,
            user=unquote(parts.username or "") or None,
            password=unquote(parts.password or "") or None,
            dbname=parts.path.removeprefix("/") or None,
            connect_timeout=PATIENCE_SECONDS,
        ).close()
    except (psycopg.Error, ValueError) as error:
        raise CannotStart(f"The database that DATABASE_URL names cannot be used: {_first_line(error)}") from None


def check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE_SECONDS, retry=ONCE) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(f"The server that REDIS_URL names cannot be used: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
