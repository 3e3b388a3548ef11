from django.urls import path

from billing.views import cards, overview, payments

urlpatterns = [
    path("", overview.billing, name="billing"),
    path("transactions/", overview.transactions, name="transactions"),
    path("transactions.csv", overview.transactions_csv, name="transactions_csv"),
    path("deposit/", payments.deposit, name="deposit"),
    path("payments/<uuid:token>/", payments.payment, name="payment"),
    path("payments/<uuid:token>/check/", payments.payment_check, name="payment_check"),
    path("payments/<uuid:token>/cancel/", payments.payment_cancel, name="payment_cancel"),
    path("cards/add/", cards.card_add, name="card_add"),
    path("cards/<int:card>/default/", cards.card_default, name="card_default"),
    path("cards/<int:card>/remove/", cards.card_remove, name="card_remove"),
]
