"""PostgreSQL from a wheel: a real server, with nothing installed on the machine."""

import contextlib
import importlib.metadata
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import psycopg

from callcentric.local import processes
from callcentric.local.postgres_home import WHEEL, Home, find_home
from callcentric.local.servers import Server
from callcentric.local.state import CannotStart

# For tests: what a crash of the machine would lose does not matter there.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """The cluster in ``folder``, with one role and one database, both ``portal``, for this machine alone."""

    title = "PostgreSQL"
    # A fast shutdown: connected clients are not waited for.
    ends_by = signal.SIGINT

    def __init__(
        self,
        folder: Path,
        *,
        password: str,
        port: int | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(log=log or folder.with_suffix(".log"), port=port)
        self.folder = folder
        self.password = password
        self.settings = settings or {}

    @property
    def url(self) -> str:
        return f"postgres://portal:{self.password}@127.0.0.1:{self.port}/portal"

    def _run(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        home = find_home(self.folder)
        if not (home.cluster / "PG_VERSION").exists():
            _make_cluster(home)
        _check_version(home)
        _clear_traces(home)
        # At each start: the cluster then fits the password that is kept, also when the one it had is lost.
        _say(home, "postgres", f"ALTER ROLE portal PASSWORD '{self.password}'")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "timezone": "UTC",
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [home.programs / "postgres", "-D", home.cluster, *options]
        return processes.start(command, log=log, account=home.account, ends_by=self.ends_by, folder=Path("/"))

    def _is_ready(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False


def _make_cluster(home: Home) -> None:
    """Make it beside its place and move it there whole, so that a half-made one is never found."""
    new = home.cluster.with_name(home.cluster.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    home.hand_over(new)
    # A bare machine has no locale but C, so the one that knows UTF-8 is PostgreSQL's own.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _call(home, "initdb", "-D", new, "--username=portal", "--auth=trust", "--no-sync", *locale)
    (new / "pg_hba.conf").write_text("host all portal 127.0.0.1/32 scram-sha-256\n")
    _say(Home(home.programs, new, home.account), "postgres", "CREATE DATABASE portal")
    shutil.rmtree(home.cluster, ignore_errors=True)
    new.rename(home.cluster)


def _check_version(home: Home) -> None:
    made_by = (home.cluster / "PG_VERSION").read_text().strip()
    installed = importlib.metadata.version(WHEEL).split(".")[0]
    if made_by != installed:
        raise CannotStart(
            f"{home.cluster} was made by PostgreSQL {made_by}, and {installed} is installed: "
            "move it away to start anew."
        )


def _clear_traces(home: Home) -> None:
    """End a server that an earlier run left in the cluster, and forget the one postmaster.pid speaks of.

    The data folder is locked, so nobody else's server can be meant. PostgreSQL itself would refuse to start
    when the number in that file belongs to any process of the same user by now.
    """
    processes.end(processes.running_in(home.cluster, name="postgres"))
    (home.cluster / "postmaster.pid").unlink(missing_ok=True)


def _say(home: Home, database: str, statement: str) -> None:
    """Have a statement carried out without a server, and so without a password."""
    _call(home, "postgres", "--single", "-D", home.cluster, database, said=statement + "\n")


def _call(home: Home, program: str, *arguments: str | Path, said: str = "") -> None:
    """Run one of PostgreSQL's programs to its end; ``said`` is what it reads from its standard input."""
    done = subprocess.run(
        [home.programs / program, *arguments],
        input=said,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        **home.rights,
    )
    if done.returncode or "FATAL:" in done.stdout:
        raise CannotStart(f"PostgreSQL's {program} failed: {' '.join(done.stdout.split()[-40:])}")
