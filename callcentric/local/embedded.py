"""The servers that run for one data folder, and the environment variables the portal finds them by."""

import contextlib
import os
from collections.abc import Mapping
from typing import Self

from callcentric.local import processes
from callcentric.local.outside import check_database, check_redis
from callcentric.local.postgres import Postgres
from callcentric.local.progress import say, starting
from callcentric.local.servers import Localstripe, Server, Valkey
from callcentric.local.state import CannotStart, State
from callcentric.local.tether import adopt_orphans


class Embedded:
    """Up for as long as the block. ``variables`` grows with each server, also with one the environment names."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.variables: dict[str, str] = {}
        self._servers: list[Server] = []
        self._register = processes.Register(state.folder / "pids.json")
        self._at_the_end = contextlib.ExitStack()

    def __enter__(self) -> Self:
        adopt_orphans()
        if left := self._register.reap():
            say(f"Ended {left} processes that an earlier run had left.")
        self._at_the_end.callback(self._register.clear)
        self._at_the_end.callback(processes.end_descendants)
        return self

    def __exit__(self, *details: object) -> None:
        self._at_the_end.close()

    def start_database(self, settings: Mapping[str, str] | None = None) -> None:
        """PostgreSQL, with ``settings`` of its own, unless DATABASE_URL names another one."""
        if given := os.environ.get("DATABASE_URL"):
            check_database(given)
            self.variables["DATABASE_URL"] = given
            return
        postgres = Postgres(
            self.state.folder / "postgres",
            password=self.state.secret("postgres_password"),
            port=self.state.port("postgres_port"),
            log=self.state.log / "postgres.log",
            settings=settings,
        )
        self._start(postgres)
        self.variables["DATABASE_URL"] = postgres.url

    def start_broker(self) -> None:
        """Valkey, unless REDIS_URL names another server."""
        if given := os.environ.get("REDIS_URL"):
            check_redis(given)
            self.variables["REDIS_URL"] = given
            return
        valkey = Valkey(
            self.state.folder / "valkey",
            password=self.state.secret("valkey_password"),
            port=self.state.port("valkey_port"),
            log=self.state.log / "valkey.log",
        )
        self._start(valkey)
        self.variables["REDIS_URL"] = valkey.url

    def start_card_processor(self, *, site_url: str) -> None:
        """localstripe, with its webhook at ``site_url``, unless STRIPE_SECRET_KEY opens Stripe itself."""
        if os.environ.get("STRIPE_SECRET_KEY"):
            self.variables |= {name: value for name, value in os.environ.items() if name.startswith("STRIPE_")}
            return
        localstripe = Localstripe(
            self.state.folder / "stripe.pickle",
            port=self.state.port("stripe_port"),
            log=self.state.log / "stripe.log",
        )
        self._start(localstripe)
        secret = self.state.secret("stripe_webhook_secret", "whsec_")
        localstripe.register_webhook(f"{site_url}/stripe/webhook/", secret)
        self.variables |= {
            "STRIPE_API_BASE": localstripe.url,
            "STRIPE_SECRET_KEY": self.state.secret("stripe_secret_key", "sk_test_"),
            "STRIPE_PUBLISHABLE_KEY": self.state.secret("stripe_publishable_key", "pk_test_"),
            "STRIPE_WEBHOOK_SECRET": secret,
        }

    def note_processes(self) -> None:
        """Write down what runs, for the next start to end if this one is killed."""
        self._register.write()

    def check(self) -> None:
        """Refuse to go on without a server that ended."""
        for server in self._servers:
            if not server.is_running():
                raise CannotStart(f"{server.title} has ended: see {server.log}")

    def _start(self, server: Server) -> None:
        with starting(server.title):
            self._at_the_end.enter_context(server)
        self._servers.append(server)
        self.note_processes()
