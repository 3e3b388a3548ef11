"""A customer's tickets: the list, a new one, and the conversation in each."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import CustomerRequest, all_customers
from billing.views.responses import SeeOther
from callcentric import clock
from callcentric.errors import Refused
from support import conversation, downloads, topics
from support import tickets as opening
from support.fields import sent
from support.forms import AnswerForm, NewTicketForm, RatingForm
from support.models import Attachment, Ticket

TICKETS_A_PAGE = 20


@require_safe
@all_customers
def tickets(request: CustomerRequest) -> HttpResponse:
    page = Paginator(_mine(request).open_first(), TICKETS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "support/tickets.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@all_customers
def ticket_new(request: CustomerRequest) -> HttpResponse:
    """A form that knows what it is about: the link that led here names it, and so does the form's own address."""
    try:
        topic = topics.find(request.account, request.GET)
    except topics.NotTheirs:
        raise Http404 from None
    form = NewTicketForm(*sent(request), initial=_asked_for(request))
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            new = opening.open_for_customer(request.account, topic=topic, now=clock.now(), **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused)
            status = 409
        else:
            messages.success(request, f"Ticket {new.reference} is open. We write to you by e-mail when we answer.")
            return SeeOther("ticket", new.reference)
    return render(request, "support/ticket_new.html", {"form": form, "about": topics.words(topic)}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@all_customers
def ticket(request: CustomerRequest, reference: str) -> HttpResponse:
    """The conversation; a POST adds an answer."""
    mine = _theirs(request, reference)
    form = AnswerForm(*sent(request))
    if not form.is_bound:
        return _page(request, mine)
    if not form.is_valid():
        return _page(request, mine, form=form, status=422)
    try:
        conversation.answer(mine, now=clock.now(), **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, refused)
        return _page(request, _theirs(request, reference), form=form, status=409)
    messages.success(request, "Your answer is in the ticket. We write to you by e-mail when we answer.")
    return SeeOther("ticket", mine.reference)


@require_POST
@all_customers
def ticket_close(request: CustomerRequest, reference: str) -> HttpResponse:
    mine = _theirs(request, reference)
    conversation.close(mine, now=clock.now())
    messages.success(request, f"Ticket {mine.reference} is closed.")
    return SeeOther("ticket", mine.reference)


@require_POST
@all_customers
def ticket_reopen(request: CustomerRequest, reference: str) -> HttpResponse:
    mine = _theirs(request, reference)
    try:
        conversation.reopen(mine, now=clock.now())
    except Refused as refused:
        return _page(request, mine, refusal=refused, status=409)
    messages.success(request, f"Ticket {mine.reference} is open again. Write below what is still missing.")
    return SeeOther("ticket", mine.reference)


@require_POST
@all_customers
def ticket_rate(request: CustomerRequest, reference: str) -> HttpResponse:
    mine = _theirs(request, reference)
    form = RatingForm(request.POST)
    if not form.is_valid():
        return _page(request, mine, rating=form, status=422)
    try:
        conversation.rate(mine, stars=form.cleaned_data["rating"], now=clock.now())
    except Refused as refused:
        return _page(request, mine, refusal=refused, status=409)
    messages.success(request, "Thank you for your rating.")
    return SeeOther("ticket", mine.reference)


@require_safe
@all_customers
def ticket_attachment(request: CustomerRequest, key: Any) -> HttpResponse:
    """A file to be saved; what came with a private note is staff's."""
    theirs = Attachment.objects.filter(message__ticket__account=request.account, message__is_private=False)
    return downloads.of(get_object_or_404(theirs, key=key))


def _mine(request: CustomerRequest) -> Any:
    return Ticket.objects.filter(account=request.account)


def _theirs(request: CustomerRequest, reference: str) -> Ticket:
    """The ticket, if it is the customer's own."""
    return get_object_or_404(_mine(request).in_words(), reference=reference)


def _asked_for(request: CustomerRequest) -> dict[str, str]:
    """The category that the link names; one that is not the customer's to choose is not chosen by its field."""
    return {"category": request.GET.get("category", "")}


def _page(
    request: CustomerRequest,
    ticket: Ticket,
    *,
    form: AnswerForm | None = None,
    rating: RatingForm | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    said: QuerySet = ticket.messages.for_the_customer().in_words()
    context = {
        "ticket": ticket,
        "about": topics.words(ticket),
        "said": [(message, message.who(for_staff=False)) for message in said],
        "form": form or AnswerForm(),
        "rating_form": rating or RatingForm(initial={"rating": ticket.rating}),
        "refusal": refusal,
    }
    return render(request, "support/ticket.html", context, status=status)
