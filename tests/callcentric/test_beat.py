"""Beat shows that it is alive, for the health check of docker-compose.yml."""

import os
import time

from callcentric.beat import Scheduler
from callcentric.celery import app


def test_every_tick_renews_the_sign_of_life(tmp_path):
    scheduler = Scheduler(app, schedule_filename=str(tmp_path / "beat"))
    alive = tmp_path / "beat.alive"
    scheduler.tick()
    os.utime(alive, (0, 0))
    scheduler.tick()
    assert time.time() - alive.stat().st_mtime < 60
    scheduler.close()


def test_beat_ticks_more_often_than_its_health_is_asked_for():
    waits = [entry["schedule"] for entry in app.conf.beat_schedule.values()]
    assert min(wait for wait in waits if isinstance(wait, float)) <= 60


def test_every_entry_names_a_task_that_there_is():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} - set(app.tasks) == set()
