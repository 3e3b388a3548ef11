from django.urls import path

from billing import views

urlpatterns = [
    path("", views.billing, name="billing"),
    path("transactions/", views.transactions, name="transactions"),
    path("transactions.csv", views.transactions_csv, name="transactions_csv"),
    path("deposit/", views.deposit, name="deposit"),
    path("payments/<uuid:token>/", views.payment, name="payment"),
    path("payments/<uuid:token>/check/", views.payment_check, name="payment_check"),
    path("cards/add/", views.card_add, name="card_add"),
    path("cards/<int:card>/default/", views.card_default, name="card_default"),
    path("cards/<int:card>/remove/", views.card_remove, name="card_remove"),
]
