"""The business date: New York's, movable in development and nowhere else."""

import subprocess
import sys
from datetime import date

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from callcentric import clock


@pytest.fixture(autouse=True)
def clock_file(settings, tmp_path):
    settings.CLOCK_FILE = tmp_path / "clock"
    return settings.CLOCK_FILE


@pytest.mark.parametrize(
    ("utc", "business_date"),
    [
        ("2027-01-11T04:59:59+00:00", date(2027, 1, 10)),
        ("2027-01-11T05:00:00+00:00", date(2027, 1, 11)),
        ("2027-07-11T03:59:59+00:00", date(2027, 7, 10)),
        ("2027-07-11T04:00:00+00:00", date(2027, 7, 11)),
        # The night in which New York's clocks go forward: 28 hours after midnight UTC is still one day later.
        ("2027-03-15T03:59:59+00:00", date(2027, 3, 14)),
        ("2027-03-15T04:00:00+00:00", date(2027, 3, 15)),
    ],
)
def test_today_begins_at_midnight_in_new_york(time_machine, utc, business_date):
    time_machine.move_to(utc)
    assert clock.today() == business_date


def test_a_moved_clock_keeps_the_hour_and_goes_on(time_machine):
    time_machine.move_to("2027-01-11T17:30:00+00:00", tick=False)
    clock.set_today(date(2027, 7, 1))
    assert (clock.now().isoformat(), clock.is_moved()) == ("2027-07-01T12:30:00-04:00", True)
    time_machine.move_to("2027-01-12T05:00:00+00:00")
    assert clock.today() == date(2027, 7, 2)
    clock.set_real()
    assert (clock.today(), clock.is_moved()) == (date(2027, 1, 12), False)


def test_setting_a_real_clock_real_again_is_no_error():
    clock.set_real()
    assert not clock.is_moved()


@pytest.mark.parametrize("written", ["", "soon", "1.5"])
def test_a_spoilt_file_is_the_real_date(clock_file, time_machine, written):
    time_machine.move_to("2027-01-11T17:00:00+00:00")
    clock_file.write_text(written)
    assert clock.today() == date(2027, 1, 11)


def test_production_has_no_clock_to_move(settings, time_machine):
    time_machine.move_to("2027-01-11T17:00:00+00:00")
    settings.CLOCK_FILE = None
    with pytest.raises(clock.ClockIsReal):
        clock.set_today(date(2028, 1, 1))
    with pytest.raises(clock.ClockIsReal):
        clock.set_real()
    with pytest.raises(CommandError, match="The clock can be moved in development only"):
        call_command("clock", "2028-01-01")
    assert clock.today() == date(2027, 1, 11)


def test_the_command_refuses_what_is_no_date():
    with pytest.raises(CommandError, match="tomorrow is no date. Write it as 2027-01-19, or: real"):
        call_command("clock", "tomorrow")


def test_the_command_says_what_day_it_is(time_machine, capsys):
    time_machine.move_to("2027-01-11T17:00:00+00:00")
    call_command("clock", "2027-02-27")
    call_command("clock", "real")
    assert capsys.readouterr().out == (
        "The business date is Saturday, 27 February 2027 (moved).\n"
        "The business date is Monday, 11 January 2027 (real).\n"
    )


def run(tmp_path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "PORTAL_DATA": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_one_process_moves_the_clock_of_another(tmp_path):
    assert run(tmp_path, "clock", "2027-02-27").returncode == 0
    # This process reads the same folder.
    assert clock.today() == date(2027, 2, 27)


def test_in_production_there_are_no_development_tools(tmp_path):
    moved = run(tmp_path, "clock", "2028-01-01", PORTAL_DEV="False")
    assert (moved.returncode, moved.stderr) == (
        1,
        "CommandError: The clock can be moved in development only (PORTAL_DEV=True).\n",
    )
    # A file that lies there, from development, is not looked at.
    (tmp_path / "clock").write_text("400")
    seen = run(
        tmp_path,
        "shell",
        "--verbosity=0",
        "--command",
        "from django.urls import resolve, Resolver404\n"
        "from callcentric import clock\n"
        "try:\n    resolve('/dev/')\nexcept Resolver404:\n    print(404, clock.is_moved())",
        PORTAL_DEV="False",
    )
    assert seen.stdout == "404 False\n", seen.stderr
