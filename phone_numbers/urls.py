from django.urls import path

from phone_numbers import views

urlpatterns = [
    path("coverage/", views.coverage, name="coverage"),
    path("coverage/<int:area>/", views.coverage_area, name="coverage_area"),
]
