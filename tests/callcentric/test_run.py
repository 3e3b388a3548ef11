"""The commands as a newcomer gives them: `make run`, `make test`, and what they say when they cannot."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from callcentric.local.state import State, free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path) -> Iterator[Path]:
    """A data folder that takes with it what root's PostgreSQL keeps outside of it."""
    yield tmp_path
    for link in [*tmp_path.glob("postgres"), *tmp_path.glob("*/postgres")]:
        if link.is_symlink():
            shutil.rmtree(link.resolve().parent)


def clean_environment(data: Path, **more: str) -> dict[str, str]:
    """That of somebody who has set nothing: what this test run was given is taken out."""
    given = (
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "SITE_URL",
        "ALLOWED_HOSTS",
        "EMAIL_URL",
        "LOG_FORMAT",
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in given and not name.startswith(("PORTAL_", "STRIPE_", "PYTEST_", "DJANGO_", "MAKE"))
    }
    return kept | {"PORTAL_DATA": str(data)} | more


def local(*arguments: str, data: Path, **more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "callcentric.local", *arguments]
    environment = clean_environment(data, **more)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


@contextlib.contextmanager
def running(data: Path, port: int) -> Iterator[tuple[psutil.Process, list[psutil.Process]]]:
    """The runner of a portal that is up, and every process it has started."""
    runner = subprocess.Popen(
        [sys.executable, "-m", "callcentric.local", "run"],
        cwd=ROOT,
        env=clean_environment(data, PORT=str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with runner:
        said = []
        for line in runner.stdout:
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        else:
            pytest.fail("".join(said))
        try:
            yield runner, psutil.Process(runner.pid).children(recursive=True)
        finally:
            runner.stdout.close()
            runner.kill()


def still_running(started: list[psutil.Process], *, seconds: float = 0) -> list[psutil.Process]:
    """Those of ``started`` that have not ended after ``seconds``."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in started if process.is_running() and not is_zombie(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return alive


def is_zombie(process: psutil.Process) -> bool:
    """Whether it has ended, and only its parent has not asked how."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def test_the_portal_ends_without_a_trace_and_keeps_its_data(data):
    port = free_port()
    with running(data, port) as (runner, started):
        names = " ".join(" ".join(process.cmdline()) for process in started)
        assert [word in names for word in ("postgres", "valkey", "localstripe", "gunicorn", "worker", "beat")]
        runner.kill()
        runner.wait()
        assert still_running(started, seconds=20) == []
    secrets = State(data).secret("secret_key")

    with running(data, port) as (runner, started):
        assert State(data).secret("secret_key") == secrets
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
        again = local("run", data=data, PORT=str(free_port()))
        assert (again.returncode, again.stderr) == (
            1,
            f"A portal already runs on {data}: stop that one, or set PORTAL_DATA to another folder.\n",
        )
        beside = subprocess.run(
            [
                sys.executable,
                "manage.py",
                "shell",
                "-c",
                "from accounts.models import User; print(User.objects.count())",
            ],
            cwd=ROOT,
            env=clean_environment(data),
            capture_output=True,
            text=True,
        )
        assert beside.returncode == 0, beside.stderr
        runner.send_signal(signal.SIGINT)
        assert runner.wait(20) == 0
        assert still_running(started) == []
    assert not (data / "pids.json").exists()


def test_a_taken_port_is_named_with_what_to_say_instead(data):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = local("run", data=data, PORT=str(port))
    assert (refused.returncode, refused.stdout, refused.stderr) == (
        1,
        "",
        f"Port {port} is taken: say `PORT={port + 1} make run` for another one.\n",
    )


def test_a_port_that_is_no_number_is_refused(data):
    refused = local("run", data=data, PORT="eight")
    assert (refused.returncode, refused.stderr) == (
        1,
        "PORT is eight: it must be a number from 1 to 65535.\n",
    )


def test_a_database_that_does_not_answer_stops_the_start(data):
    refused = local("run", data=data, PORT=str(free_port()), DATABASE_URL="postgres://u:hidden@127.0.0.1:1/x")
    assert refused.returncode == 1
    assert refused.stderr.startswith("The database that DATABASE_URL names cannot be used: ")
    assert "hidden" not in refused.stdout + refused.stderr


def test_a_command_has_servers_of_its_own_and_gives_its_status(data):
    program = (
        "import os, psycopg, redis, sys;"
        "psycopg.connect(os.environ['DATABASE_URL']).close();"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping();"
        "print('with', os.environ['PORTAL_DATA'], os.environ['STRIPE_SECRET_KEY']); sys.exit(3)"
    )
    # Whoever has Stripe's real key in the shell must not meet the real Stripe in a test.
    done = local("test", "--", sys.executable, "-c", program, data=data, STRIPE_SECRET_KEY="sk_live_real")
    assert done.returncode == 3, done.stderr
    assert done.stdout.splitlines()[-1] == f"with {data / 'test'} sk_test_rehearsal"
    assert not (data / "test" / "pids.json").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_a_python_that_is_too_old_is_named(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.txt").touch()
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = subprocess.run(
        ["make", "run", f"PYTHON={old}"],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert refused.stdout == (
        f"Python 3.11 or later is needed; {old} is not: say PYTHON=/path/to/python3.11 make run.\n"
    )
