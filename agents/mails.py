"""E-mails to agents, and to those who want to become one."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import mails
from agents.models import Agent


def welcome(agent: Agent) -> None:
    """The ID, the link to share and the rate."""
    _write(agent, "You are an agent now", "welcome")


def declined(agent: Agent) -> None:
    """Say no, and that it is not for ever."""
    _write(agent, "Your application to become an agent", "declined")


def closed(agent: Agent) -> None:
    _write(agent, "Your agent's account is closed", "closed")


def rate_changed(agent: Agent) -> None:
    _write(agent, f"Your commission is {agent.percent} now", "rate_changed")


def _write(agent: Agent, subject: str, template: str) -> None:
    context: dict[str, Any] = {"agent": agent, "page": settings.SITE_URL + reverse("agents")}
    mails.write(agent.account, subject=subject, template=f"agents/emails/{template}.txt", **context)
