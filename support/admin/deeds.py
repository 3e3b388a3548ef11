"""What each button of a ticket's page does, and what staff are told then."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from callcentric import clock
from support import desk
from support.models import Ticket

Typed = dict[str, Any]


@dataclass(frozen=True)
class Deed:
    do: Callable[..., None]
    done: str
    # What of the form it takes.
    typed: Callable[[Typed], Typed] = lambda typed: {}


def _words(typed: Typed) -> Typed:
    return {"text": typed["text"], "attached": typed["attached"]}


DEEDS = {
    "answer": Deed(desk.answer, "Your answer is in the ticket, and an e-mail tells the customer.", _words),
    "resolve": Deed(
        desk.answer,
        "The ticket is resolved, and an e-mail tells the customer. It closes in 7 days.",
        lambda typed: {**_words(typed), "resolves": True},
    ),
    "note": Deed(desk.note, "Your note is in the ticket. Only staff read it.", _words),
    "assign": Deed(desk.assign, "The ticket is assigned.", lambda typed: {"to": typed["assignee"]}),
    "category": Deed(
        desk.recategorise, "The ticket is in its new category.", lambda typed: {"category": typed["category"]}
    ),
    "merge": Deed(
        desk.merge,
        "The two tickets are one now, and an e-mail tells the customer.",
        lambda typed: {"into": typed["into"]},
    ),
    "close": Deed(desk.close, "The ticket is closed, and an e-mail tells the customer."),
    "reopen": Deed(desk.reopen, "The ticket is open again, and an e-mail tells the customer."),
}


def do(name: str, ticket: Ticket, *, by: User, typed: Typed) -> str:
    """Do it and return what to say; Refused goes through. "Take" is to assign it to oneself."""
    if name == "take":
        name, typed = "assign", {**typed, "assignee": by}
    deed = DEEDS[name]
    deed.do(ticket, by=by, seen=typed["seen"], now=clock.now(), **deed.typed(typed))
    return deed.done
