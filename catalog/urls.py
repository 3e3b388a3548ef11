from django.urls import path

from catalog import views

urlpatterns = [
    path("", views.home, name="home"),
    path("products/outbound/", views.outbound, name="outbound"),
    path("products/inbound/", views.inbound, name="inbound"),
    path("products/additional/", views.additional, name="additional"),
]
