"""Several who do something at the same moment: real threads, each with its own connection to the database."""

import threading
from collections.abc import Callable

from django.db import connection


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each deed returned, or what it raised."""
    gate, answers = threading.Barrier(len(deeds)), [None] * len(deeds)

    def do(place: int) -> None:
        try:
            gate.wait()
            answers[place] = deeds[place]()
        except BaseException as surprise:  # noqa: BLE001
            answers[place] = surprise
        finally:
            connection.close()

    crowd = [threading.Thread(target=do, args=(place,)) for place in range(len(deeds))]
    [thread.start() for thread in crowd]
    [thread.join() for thread in crowd]
    return answers


def surprises(answers: list[object]) -> list[object]:
    return [answer for answer in answers if isinstance(answer, BaseException)]
