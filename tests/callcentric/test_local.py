"""The embedded servers, each for itself: what they keep, what they mend, what they never leave behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
import redis
import requests
import stripe

from callcentric.local import postgres_home, processes, variables
from callcentric.local.outside import check_database, check_redis
from callcentric.local.postgres import THROW_AWAY, Postgres
from callcentric.local.servers import ONCE, Localstripe, Valkey
from callcentric.local.state import CannotStart, State

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")


def ends_soon(pid: int, *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# --- The data folder ----------------------------------------------------------------------------------------


def test_secrets_and_ports_are_kept_and_private(tmp_path):
    first = State(tmp_path / "data")
    secret, port = first.secret("key", "sk_test_"), first.port("server")
    again = State(tmp_path / "data")
    assert (again.secret("key", "sk_test_"), again.port("server")) == (secret, port)
    assert (secret[:8], len(secret) > 40) == ("sk_test_", True)
    assert mode(tmp_path / "data" / "state.json") == 0o600


def test_another_port_is_taken_when_the_kept_one_is_busy(tmp_path):
    state = State(tmp_path)
    busy = state.port("server")
    with socket.create_server(("127.0.0.1", busy)):
        other = state.port("server")
    assert other != busy
    assert State(tmp_path).port("server") == other


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_a_damaged_state_is_made_anew(tmp_path, damage):
    old = State(tmp_path).secret("key")
    (tmp_path / "state.json").write_text(damage)
    assert State(tmp_path).secret("key") != old


def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    with pytest.raises(CannotStart) as refusal:
        State(folder)
    assert str(refusal.value) == f"Cannot write to {folder} (Not a directory): set PORTAL_DATA to a writable folder."


def test_one_runner_holds_the_folder(tmp_path):
    second = State(tmp_path).locked("somebody is there")
    with State(tmp_path).locked(""), pytest.raises(CannotStart, match="^somebody is there$"):
        second.__enter__()
    with State(tmp_path).locked("free again"):
        pass


def test_variables_are_read_by_the_settings_as_they_were_written(tmp_path):
    written = variables.basics(State(tmp_path), site_url="http://127.0.0.1:8000")
    variables.write(tmp_path / "env", written)
    assert mode(tmp_path / "env") == 0o600

    class Env(environ.Env):
        ENVIRON = {}

    Env.read_env(tmp_path / "env")
    assert written == Env.ENVIRON


# --- Servers that the environment names ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "url", "says"),
    [
        (
            check_database,
            "postgres://u:hidden@127.0.0.1:1/x",
            "The database that DATABASE_URL names cannot be used: ",
        ),
        (check_redis, "redis://:hidden@127.0.0.1:1/0", "The server that REDIS_URL names cannot be used: "),
        (check_redis, "127.0.0.1:6379", "The server that REDIS_URL names cannot be used: "),
    ],
)
def test_a_named_server_that_does_not_answer_is_said_in_one_line(check, url, says):
    with pytest.raises(CannotStart) as refusal:
        check(url)
    line = str(refusal.value)
    assert line.startswith(says)
    assert ("\n" in line, "hidden" in line) == (False, False)


def test_named_servers_that_answer_are_taken():
    check_database(os.environ["DATABASE_URL"])
    check_redis(os.environ["REDIS_URL"])


# --- Processes ----------------------------------------------------------------------------------------------


@on_linux
def test_what_a_killed_runner_started_ends_with_it():
    program = (
        "import sys, time; from callcentric.local import processes;"
        "print(processes.start(['sleep', '600']).pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as runner:
        started = int(runner.stdout.readline())
        assert psutil.Process(started).is_running()
        runner.kill()
    assert ends_soon(started)


def test_a_process_that_will_not_listen_is_killed(monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    deaf = processes.start(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)",
        ],
        log=subprocess.PIPE,
    )
    deaf.stdout.read(1)
    processes.stop(deaf)
    deaf.stdout.close()
    assert deaf.returncode == -signal.SIGKILL


def noted(file: Path, process: subprocess.Popen, *, created_earlier: float = 0, folder: str = "") -> processes.Register:
    created = psutil.Process(process.pid).create_time() - created_earlier
    file.write_text(json.dumps({"folder": folder or str(file.parent), "processes": [[process.pid, created]]}))
    return processes.Register(file)


def test_what_an_earlier_run_left_is_ended(tmp_path):
    with subprocess.Popen(["sleep", "600"]) as left:
        assert noted(tmp_path / "pids.json", left).reap() == 1
    assert not psutil.pid_exists(left.pid)


@pytest.mark.parametrize("strangers", [{"created_earlier": 60}, {"folder": "/the/original"}])
def test_a_stranger_is_left_alone(tmp_path, strangers):
    with subprocess.Popen(["sleep", "600"]) as stranger:
        assert noted(tmp_path / "pids.json", stranger, **strangers).reap() == 0
        assert stranger.poll() is None
        stranger.kill()


# --- PostgreSQL ---------------------------------------------------------------------------------------------


@pytest.fixture
def outside(monkeypatch):
    """Stands for /var/tmp, so that a test leaves nothing there."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.setattr(postgres_home, "OUTSIDE", folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cluster(tmp_path, outside) -> Path:
    return tmp_path / "data" / "postgres"


def ask(server: Postgres, statement: str) -> list[tuple]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_postgres_keeps_its_data_whatever_a_crash_left_around_it(cluster):
    with Postgres(cluster, password="first", settings=THROW_AWAY) as server:
        ask(server, "CREATE TABLE kept AS SELECT 'Ärger' AS word")
    # A number that belongs to a living process, an initdb that was interrupted, and a password that was lost.
    (cluster / "postmaster.pid").write_text(f"{os.getpid()}\n")
    cluster.with_name("postgres.new").mkdir()
    with Postgres(cluster, password="second", settings=THROW_AWAY) as server:
        assert ask(server, "SELECT upper(word) FROM kept") == [("ÄRGER",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace("second", "first"))
    assert not server.is_running()


def test_a_half_made_cluster_is_made_anew(cluster):
    cluster.mkdir(parents=True)
    (cluster / "base").mkdir()
    with Postgres(cluster, password="secret", settings=THROW_AWAY) as server:
        assert ask(server, "SELECT current_database()") == [("portal",)]


def test_a_server_that_was_left_in_the_cluster_is_ended(cluster):
    left = Postgres(cluster, password="secret", settings=THROW_AWAY).start()
    with Postgres(cluster, password="secret", settings=THROW_AWAY) as server:
        assert ask(server, "SELECT 1") == [(1,)]
        assert not left.is_running()


def test_a_cluster_of_another_version_is_named(cluster):
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("12\n")
    with pytest.raises(CannotStart, match="was made by PostgreSQL 12, and 18 is installed: move it away"):
        Postgres(cluster, password="secret").start()


@as_root
def test_root_leaves_closed_folders_closed(cluster, outside):
    cluster.parent.mkdir(mode=0o700)
    with Postgres(cluster, password="secret", settings=THROW_AWAY) as server:
        assert psutil.Process(server.process.pid).username() == "nobody"
        assert cluster.resolve().parent.parent == outside
        ask(server, "CREATE TABLE kept AS SELECT 1")
    with Postgres(cluster, password="secret", settings=THROW_AWAY) as server:
        assert ask(server, "SELECT * FROM kept") == [(1,)]
    assert mode(cluster.parent) == 0o700
    # A data folder that was deleted takes the cluster with it, wherever that lies.
    cluster.unlink()
    with Postgres(cluster, password="secret", settings=THROW_AWAY) as server:
        assert ask(server, "SELECT to_regclass('kept')") == [(None,)]


@as_root
def test_roots_cluster_follows_when_its_folder_is_closed(outside):
    data = outside / "open"
    data.mkdir()
    data.chmod(0o755)
    with Postgres(data / "postgres", password="secret", settings=THROW_AWAY) as server:
        ask(server, "CREATE TABLE kept AS SELECT 1")
    assert not (data / "postgres").is_symlink()
    data.chmod(0o700)
    with Postgres(data / "postgres", password="secret", settings=THROW_AWAY) as server:
        assert ask(server, "SELECT * FROM kept") == [(1,)]
    assert (data / "postgres").is_symlink()


@as_root
def test_programs_that_nobody_can_reach_are_copied_and_run(tmp_path, outside):
    home = postgres_home.Home(postgres_home._programs(), tmp_path, postgres_home._account_for(tmp_path / "new"))
    programs = postgres_home._copy_programs(home)
    assert outside in programs.parents
    asked = subprocess.run([programs / "postgres", "--version"], **home.rights, cwd="/", capture_output=True, text=True)
    assert asked.stdout.startswith("postgres (PostgreSQL) 18")


# --- Valkey and localstripe ---------------------------------------------------------------------------------


def test_valkey_asks_for_its_password_and_does_not_show_it(tmp_path):
    with Valkey(tmp_path, password="hidden") as server:
        assert redis.Redis.from_url(server.url).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port, retry=ONCE).ping()
        assert "hidden" not in " ".join(psutil.Process(server.process.pid).cmdline())


def customer(server: Localstripe, email: str) -> str:
    answer = requests.post(f"{server.url}/v1/customers", {"email": email}, auth=("sk_test_1", ""), timeout=10)
    return answer.json()["id"]


def knows(server: Localstripe, customer_id: str) -> bool:
    answer = requests.get(f"{server.url}/v1/customers/{customer_id}", auth=("sk_test_1", ""), timeout=10)
    return answer.status_code == 200


def test_two_localstripes_remember_each_its_own(tmp_path):
    with Localstripe(tmp_path / "one.pickle") as one, Localstripe(tmp_path / "two.pickle") as two:
        alice, bob = customer(one, "alice@example.com"), customer(two, "bob@example.com")
        assert [knows(one, alice), knows(one, bob)] == [True, False]
        assert [knows(two, alice), knows(two, bob)] == [False, True]
    with Localstripe(tmp_path / "one.pickle") as again:
        assert [knows(again, alice), knows(again, bob)] == [True, False]


def test_localstripe_listens_on_this_machine_alone(tmp_path):
    with Localstripe(tmp_path / "state.pickle") as server:
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(server.process.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
    assert listening == ["127.0.0.1"]


def test_localstripe_sends_signed_events_where_it_was_told(tmp_path):
    received = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Endpoint) as endpoint, Localstripe(tmp_path / "state.pickle") as server:
        server.register_webhook(f"http://127.0.0.1:{endpoint.server_port}/", "whsec_test")
        listener = threading.Thread(target=endpoint.handle_request)
        listener.start()
        customer(server, "alice@example.com")
        listener.join(10)
    [(body, signature)] = received
    assert stripe.Webhook.construct_event(body, signature, "whsec_test").type == "customer.created"
