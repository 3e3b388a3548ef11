from django.urls import path

from agents import views

urlpatterns = [
    path("", views.agents, name="agents"),
    path("apply/", views.agents_apply, name="agents_apply"),
    path("commission/", views.agents_commission, name="agents_commission"),
    path("commission.csv", views.agents_commission_csv, name="agents_commission_csv"),
    path("link.svg", views.agents_qr_code, name="agents_qr_code"),
]
