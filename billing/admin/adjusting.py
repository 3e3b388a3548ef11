"""The pages on which staff give a credit, or a charge back."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.asking import ReasonForm, ask
from accounts.models import Account
from accounts.validators import one_line, visible
from billing import adjusting, commission
from billing.models import LedgerAccount, Transfer
from callcentric import clock
from callcentric.errors import Refused
from callcentric.templatetags.show import balance, usd


class GivingForm(ReasonForm):
    """What every gift asks for; its token tells a button that was pressed twice from two gifts."""

    amount = forms.DecimalField(
        label="Amount in US dollars",
        min_value=Decimal("0.01"),
        max_digits=8,
        decimal_places=2,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    words = forms.CharField(
        label="What the customer reads",
        max_length=Transfer._meta.get_field("memo").max_length,
        validators=[one_line, visible],
        widget=UnfoldAdminTextInputWidget,
        help_text="One line, in the e-mail and among the customer's transactions.",
    )
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    field_order = ["amount", "words", "reason", "token"]


class RefundForm(GivingForm):
    amount = forms.DecimalField(
        label="Amount in US dollars, without tax",
        required=False,
        max_digits=12,
        decimal_places=4,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="Empty: all that is left of it. The tax on it comes back with it.",
    )

    def clean_amount(self) -> Decimal | None:
        amount: Decimal | None = self.cleaned_data["amount"]
        if amount is not None and amount <= 0:
            raise ValidationError("Give an amount above zero, or nothing for all that is left.")
        return amount


class Credits(ModelAdmin):
    """For the admin of ledger accounts: a page that gives a customer money."""

    change_form_outer_before_template = "admin/billing/ledger_account.html"

    def get_urls(self) -> list[URLPattern]:
        credit = self.admin_site.admin_view(self.credit)
        return [path("credit/<int:account_id>/", credit, name="billing_ledgeraccount_credit"), *super().get_urls()]

    def credit(self, request: HttpRequest, account_id: int) -> HttpResponse:
        """By the account, which may have no ledger account yet."""
        if not request.user.has_perm("billing.credit_account"):
            raise PermissionDenied
        account = get_object_or_404(Account, pk=account_id)
        back = reverse("admin:accounts_account_change", args=[account.pk])
        form = GivingForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            typed: dict[str, Any] = form.cleaned_data
            try:
                given = adjusting.credit(account=account, by=request.user, now=clock.now(), **typed)  # type: ignore[arg-type]
            except Refused as refused:
                form.add_error(None, refused)
            else:
                messages.success(request, f"{account} has {usd(given.amount)} more. An e-mail tells the customer.")
                return redirect(back)
        found = LedgerAccount.objects.filter(account=account).first()
        has = balance(found.balance or Decimal(0)) if found else "$0.00"
        return ask(
            self,
            request,
            title=f"Give a credit to {account}",
            lead=[f"The balance is {has}. A credit is {usd(adjusting.LARGEST_CREDIT)} at most."],
            form=form,
            button="Give the credit",
            back=back,
        )


class Refunds(ModelAdmin):
    """For the admin of transfers: a page that gives a charge back."""

    actions_detail = ("refund",)

    def has_refund_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Charges alone are refunded."""
        may = request.user.has_perm("billing.refund_charge")
        return may and self._charge(request, object_id) is not None

    @action(description="Refund this charge", url_path="refund", permissions=["refund"])
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        charge = self._charge(request, object_id)
        if charge is None:
            raise Http404
        form = RefundForm(request.POST if request.method == "POST" else None, initial={"words": charge.memo})
        if form.is_valid():
            typed: dict[str, Any] = form.cleaned_data
            net = typed.pop("amount")
            try:
                adjusting.refund(charge=charge, net=net, by=request.user, now=clock.now(), **typed)  # type: ignore[arg-type]
            except Refused as refused:
                form.add_error(None, refused)
            else:
                messages.success(request, "It is in the customer's balance again, and an e-mail says so.")
                return redirect("admin:accounts_account_change", charge.source.account_id)
        left, charged_on = commission.left_of(charge), charge.made_at.astimezone(clock.BUSINESS_ZONE)
        return ask(
            self,
            request,
            title=f"Refund to {charge.source.account}",
            lead=[
                f"{charge.memo}: {usd(charge.amount)} without tax were charged on {charged_on:%-d %B %Y}.",
                f"Left to refund: {usd(left.net)} and {usd(left.tax)} of tax. It goes into the balance, not to a card.",
            ],
            form=form,
            button="Refund",
            back=reverse("admin:billing_transfer_change", args=[charge.pk]),
        )

    def _charge(self, request: HttpRequest, object_id: Any) -> Transfer | None:
        transfer = self.get_object(request, str(object_id))
        return transfer if transfer and transfer.kind == Transfer.Kind.CHARGE else None
