"""Staff's own pages beside the admin's: begin to look at a customer's pages, and stop."""

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Account
from callcentric import clock
from callcentric.errors import Refused
from staff import looking
from staff.forms import LookForm


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(looking.PERMISSION, raise_exception=True)
def view_as_customer(request: HttpRequest, account: int) -> HttpResponse:
    """Asks why, and goes on to the customer's first page as the customer sees it."""
    whose = get_object_or_404(Account.objects.select_related("user"), pk=account)
    form = LookForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            looking.begin(
                whose,
                by=request.user,  # type: ignore[arg-type]
                session=request.session,
                reason=form.cleaned_data["reason"],
                now=clock.now(),
            )
        except Refused as refused:
            form.add_error(None, refused)
            status = 409
        else:
            return redirect("dashboard")
    context = {**admin.site.each_context(request), "title": f"View as customer: {whose.name}"}
    context |= {"form": form, "account": whose, "minutes": int(looking.LASTS.total_seconds() / 60)}
    return render(request, "admin/staff/look.html", context, status=status)


@require_POST
def stop_looking(request: HttpRequest) -> HttpResponse:
    """Back to the account in the admin."""
    look = request.looking  # type: ignore[attr-defined]
    if not look:
        return redirect("admin:index")
    looking.end(request.session)
    messages.info(request, f"You are no longer looking at the pages of {look.account}.")
    if not request.user.has_perm("accounts.view_account"):
        return redirect("admin:index")
    return redirect("admin:accounts_account_change", look.account.pk)
