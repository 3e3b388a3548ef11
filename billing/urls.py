from datetime import date

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from billing.views import cards, overview, payments, recharge, statements


class MonthConverter(StringConverter):
    """A month in an address: ``2027-01``, as its first day."""

    regex = "[0-9]{4}-[0-9]{2}"

    def to_python(self, value: str) -> date:  # type: ignore[override]
        return date.fromisoformat(f"{value}-01")

    def to_url(self, value: date) -> str:  # type: ignore[override]
        return f"{value:%Y-%m}"


register_converter(MonthConverter, "month")

urlpatterns = [
    path("", overview.billing, name="billing"),
    path("transactions/", overview.transactions, name="transactions"),
    path("transactions.csv", overview.transactions_csv, name="transactions_csv"),
    path("statements/", statements.statements, name="statements"),
    path("statements/<month:month>/", statements.statement, name="statement"),
    path("statements/<month:month>.pdf", statements.statement_pdf_file, name="statement_pdf"),
    path("statements/<month:month>.csv", statements.statement_csv, name="statement_csv"),
    path("deposit/", payments.deposit, name="deposit"),
    path("auto-recharge/", recharge.recharge, name="recharge"),
    path("payments/<uuid:token>/", payments.payment, name="payment"),
    path("payments/<uuid:token>/check/", payments.payment_check, name="payment_check"),
    path("payments/<uuid:token>/cancel/", payments.payment_cancel, name="payment_cancel"),
    path("cards/add/", cards.card_add, name="card_add"),
    path("cards/<int:card>/default/", cards.card_default, name="card_default"),
    path("cards/<int:card>/remove/", cards.card_remove, name="card_remove"),
]
