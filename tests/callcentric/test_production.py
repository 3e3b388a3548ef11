"""What production is installed from: the locks, and the example of its variables."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["prod", "run", "test", "lint"]


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_hashes_and_no_address(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.findall(r"^[^ \n].*(?:\n .*)*", text, re.MULTILINE)
    assert len(entries) == len(locked(name))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://|--find-links|--(?:extra-)?index-url", text) == []


@pytest.mark.parametrize(("smaller", "larger"), list(zip(LOCKS, LOCKS[1:], strict=False)))
def test_each_lock_holds_the_one_before_it(smaller, larger):
    assert locked(smaller).items() <= locked(larger).items()


def example() -> dict[str, str]:
    """The lines of .env.example, those that show a default too."""
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_example_has_every_variable_that_is_read():
    settings = (ROOT / "callcentric" / "settings.py").read_text()
    compose = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r'(?:env|env\.[a-z_]+|required)\(\s*"([A-Z_]+)"', settings))
    read |= set(re.findall(r"\$\{([A-Z_]+)", compose))
    assert set(example()) == read


def test_the_compose_file_has_no_secret_that_works():
    compose = (ROOT / "docker-compose.yml").read_text()
    secrets = dict(re.findall(r"\$\{([A-Z_]*(?:KEY|SECRET|PASSWORD))(.*?)\}", compose))
    assert set(secrets.values()) == {":?set it in .env"}
    assert set(secrets) == {name for name in example() if name.endswith(("KEY", "SECRET", "PASSWORD"))}


def manage(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess:
    own = {"PATH": os.environ["PATH"], "PORTAL_DATA": "/nonexistent"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=own | environment,
        capture_output=True,
        text=True,
    )


def production() -> dict[str, str]:
    """The example, filled in."""
    text = (ROOT / ".env.example").read_text()
    given = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    return {
        name: value.strip('"') or "filled-in-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH"
        for name, value in given.items()
    } | {
        "DATABASE_URL": "postgres://portal:password@db.example.com/portal",
        "REDIS_URL": "redis://redis.example.com",
        "EMAIL_URL": "smtp+tls://user:password@mail.example.com:587",
    }


def test_the_example_filled_in_passes_the_deployment_check():
    checked = manage("check", "--deploy", "--fail-level", "WARNING", environment=production())
    assert (checked.returncode, checked.stderr.strip()) == (0, "")
    assert checked.stdout.startswith("System check identified no issues")


@pytest.mark.parametrize("name", ["SECRET_KEY", "SITE_URL", "DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY"])
def test_a_missing_variable_stops_the_start_with_its_name(name):
    environment = production()
    del environment[name]
    refused = manage("check", environment=environment)
    assert refused.returncode != 0
    assert f"{name} is not set." in refused.stderr
