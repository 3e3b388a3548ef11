"""Checkout pages: first the addresses, then the order with its split, then the confirmation."""

from decimal import Decimal
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from accounts.access import CustomerRequest, open_accounts_only
from accounts.addresses import AddressForm
from accounts.models import Account
from accounts.moving import serve_at
from billing import ledger
from billing.forms import CardChoice
from billing.models import Payment
from billing.split import Split, split
from callcentric import clock
from callcentric.errors import Refused
from callcentric.money import ZERO
from orders import cart as carts
from orders import checkout as verb
from orders import pricing
from orders.models import Order
from orders.quote import Quote
from orders.views.shopping import rows_of


class ConfirmForm(forms.Form):
    """What the customer confirms: the total they saw, and where the money comes from."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    total = forms.DecimalField(widget=forms.HiddenInput, max_digits=12, decimal_places=4)
    pays_from = forms.ChoiceField(label="Pay from", choices=Account.PaysFrom.choices)
    # What each way was shown to take from the card.
    from_card_balance = forms.DecimalField(max_digits=12, decimal_places=4)
    from_card_card = forms.DecimalField(max_digits=12, decimal_places=4, required=False)
    card = CardChoice(label="Card", required=False)

    def __init__(self, *args: object, account: Account, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["card"].offer(account)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@open_accounts_only
def checkout(request: CustomerRequest) -> HttpResponse:
    account = request.account
    if not account.service_address or not account.billing_address.is_complete:
        return redirect("checkout_address")
    verb.finish_all(now=clock.now(), account=account)
    if request.method != "POST":
        return _page(request)
    form = ConfirmForm(request.POST, account=account)
    if not form.is_valid():
        return _page(request, problem="Something was missing from the confirmation. Look it over and confirm again.")
    data = form.cleaned_data
    confirmation = verb.Confirmation(
        token=data["token"],
        total=data["total"],
        from_card=data[f"from_card_{data['pays_from']}"] or ZERO,
        pays_from=data["pays_from"],
        card=data["card"],
    )
    try:
        order = verb.place(account=account, confirmation=confirmation, now=clock.now())
    except Refused as refusal:
        return _page(request, problem=str(refusal))
    return _after(request, order)


@require_http_methods(["GET", "HEAD", "POST"])
@open_accounts_only
def checkout_address(request: CustomerRequest) -> HttpResponse:
    """Where to bill, and where emergency services would be sent: the second is the first unless said otherwise."""
    account = request.account
    post = request.POST if request.method == "POST" else None
    same = post.get("same") == "on" if post is not None else _same_address(account)
    if post is not None and "show_fields" in post:
        # Without JavaScript: the fields of another country, with what was typed and nothing judged yet.
        typed = [AddressForm.typed(post, prefix=prefix) for prefix in ("billing", "service")]
        return _address_page(request, *typed, same=same)
    billing = AddressForm(post, initial_address=account.billing_address, prefix="billing")
    service = AddressForm(
        None if same else post,
        initial_address=account.service_address or account.billing_address,
        prefix="service",
    )
    if post is None:
        return _address_page(request, billing, service, same=same)
    if not billing.is_valid() or not (same or service.is_valid()):
        return _address_page(request, billing, service, same=same, status=422)
    with transaction.atomic():
        account.bill_to(billing.save())
        serve_at(account, account.billing_address if same else service.save(), now=clock.now())
    return redirect("checkout")


def _address_page(
    request: CustomerRequest, billing: AddressForm, service: AddressForm, *, same: bool, status: int = 200
) -> HttpResponse:
    context = {"billing": billing, "service": service, "same": same}
    return render(request, "orders/checkout_address.html", context, status=status)


def _page(request: CustomerRequest, *, problem: str = "") -> HttpResponse:
    """The order as it would be now. After a refusal: the same page with the reason, and a token for the next try."""
    account = request.account
    now = clock.now()
    lines = carts.lines_of(carts.current(account=account, session=request.session))
    if not lines:
        return render(request, "orders/cart.html", {"rows": [], "problem": problem}, status=422 if problem else 200)
    quoted = pricing.quote_for(account=account, lines=lines, now=now, service_address=account.service_address)
    balance = ledger.of(account).balance or ZERO
    pays_from = request.POST.get("pays_from") or account.pays_from
    context = {
        "account": account,
        "rows": rows_of(quoted, lines, now),
        "quote": quoted,
        "balance": balance,
        "ways": _ways(quoted, balance),
        "pays_from": pays_from if pays_from in Account.PaysFrom.values else account.pays_from,
        "cards": account.cards.chargeable(now.date()).order_by("-is_default", "pk"),
        "chosen_card": request.POST.get("card"),
        "token": uuid4(),
        "problem": problem,
        "blocked": _blocked(account),
        "today": now.date(),
        "add_card": f"{reverse('card_add')}?{urlencode({'next': reverse('checkout')})}",
        "add_funds": f"{reverse('deposit')}?{urlencode({'next': reverse('checkout')})}",
    }
    return render(request, "orders/checkout.html", context, status=422 if problem else 200)


def _ways(quoted: Quote, balance: Decimal) -> list[tuple[str, Split]]:
    """Each way to pay with what it would take from where; one way alone when both come to the same."""
    ways = [(choice.value, split(total=quoted.total, balance=balance, pays_from=choice)) for choice in Account.PaysFrom]
    return ways[:1] if ways[0][1] == ways[1][1] else ways


def _blocked(account: Account) -> str:
    """Why this customer could not order now; empty when they can."""
    try:
        verb.check_customer(account)
    except Refused as refusal:
        return str(refusal)
    return ""


def _after(request: CustomerRequest, order: Order) -> HttpResponse:
    """Where a confirmation leads: to the order, to the bank's question, or back to the cart with the reason."""
    if order.state == Order.State.FAILED:
        return _page(request, problem=order.problem)
    page = reverse("order_detail", args=[order.reference])
    if order.payment and order.payment.state == Payment.State.NEEDS_CUSTOMER:
        return redirect(f"{reverse('payment', args=[order.payment.token])}?{urlencode({'next': page})}")
    if order.state == Order.State.COMPLETED:
        messages.success(request, "Thank you. Your order is complete.")
    return redirect(page)


def _same_address(account: Account) -> bool:
    return account.service_address_id in (None, account.billing_address_id)
