from django.urls import include, path

from accounts import views

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("forgot/", views.forgot, name="forgot"),
    path("address-fields/", views.address_fields, name="address_fields"),
    path("", include("allauth.urls")),
]
