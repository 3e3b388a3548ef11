"""Agents' links: ``aid=…`` on any address is remembered, and the page is served as it was asked for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from agents import links
from callcentric import clock


class AgentLinkMiddleware:
    """Sets ``request.agent_link``: the link that was followed last, or None. Sign-up sets it to None: it is used up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        today = clock.today()
        new = links.followed(request)
        link = new or links.remembered(request, today=today)
        request.agent_link = link  # type: ignore[attr-defined]
        response = self.get_response(request)
        if link and request.agent_link is None:  # type: ignore[attr-defined]
            links.forget(response)
        elif new:
            links.remember(response, new, today=today)
        return response
