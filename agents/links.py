"""Remembers the agent whose link a visitor has followed: ``aid=AGENTID`` on any address (domain.md §8).

A signed cookie of our own holds the agent's ID and the business date. It goes by that date, not by the browser's
clock, and says nothing that the link did not say.
"""

from datetime import date, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.functional import cached_property

from accounts.models import Account
from agents.referrals import find, find_agent

PARAMETER = "aid"
COOKIE = "agent_link"
KEPT_FOR = timedelta(days=30)


class AgentLink:
    """A link that was followed, with this request or before. Its agent may have been closed since."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id

    @cached_property
    def account(self) -> Account | None:
        """The agent's account; None where it takes no clients any more."""
        return find_agent(self.agent_id)


def followed(request: HttpRequest) -> AgentLink | None:
    """The link that leads to this very request; None where it names nobody who takes clients."""
    agent = find(request.GET.get(PARAMETER, ""))
    if agent is None:
        return None
    link = AgentLink(agent.agent_id)
    link.account = agent.account
    return link


def remembered(request: HttpRequest, *, today: date) -> AgentLink | None:
    """The link that was followed in the last 30 days. A cookie that is not as we wrote it is none."""
    cookie = request.get_signed_cookie(COOKIE, default="", salt=COOKIE) or ""
    agent_id, _, day = cookie.partition(":")
    if not day or today - date.fromisoformat(day) > KEPT_FOR:
        return None
    return AgentLink(agent_id)


def remember(response: HttpResponse, link: AgentLink, *, today: date) -> None:
    response.set_signed_cookie(
        COOKIE,
        f"{link.agent_id}:{today.isoformat()}",
        salt=COOKIE,
        # To the end of the last day: the date in it decides.
        max_age=KEPT_FOR + timedelta(days=1),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    _keep_out_of_caches(response)


def forget(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, samesite="Lax")
    _keep_out_of_caches(response)


def _keep_out_of_caches(response: HttpResponse) -> None:
    """What one visitor's cookie comes with is no other visitor's."""
    patch_cache_control(response, private=True, no_store=True)
    patch_vary_headers(response, ["Cookie"])
