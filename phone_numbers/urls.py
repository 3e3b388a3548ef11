from django.urls import path

from phone_numbers import views

urlpatterns = [
    path("coverage/", views.coverage, name="coverage"),
]
