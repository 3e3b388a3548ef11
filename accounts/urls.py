from django.urls import include, path

from accounts import views

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("forgot/", views.forgot, name="forgot"),
    path("address-fields/", views.address_fields, name="address_fields"),
    path("email/resend/", views.email_resend, name="email_resend"),
    # Before allauth's own, which it replaces.
    path("signup/", views.SignUp.as_view(), name="account_signup"),
    path("", include("allauth.urls")),
]
