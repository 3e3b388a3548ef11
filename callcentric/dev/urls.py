from django.urls import path

from callcentric.dev import views

urlpatterns = [
    path("", views.tools, name="dev"),
    path("clock/", views.move_clock, name="dev_clock"),
    path("outbox/", views.outbox, name="dev_outbox"),
]
