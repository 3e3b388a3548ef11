from allauth.account.views import PasswordResetView
from django.urls import include, path

from accounts import views
from accounts.pace import evenly_paced

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("forgot/", evenly_paced(views.forgot), name="forgot"),
    path("address-fields/", views.address_fields, name="address_fields"),
    path("email/resend/", views.email_resend, name="email_resend"),
    # Before allauth's own, which it replaces.
    path("signup/", views.SignUp.as_view(), name="account_signup"),
    path("password/reset/", evenly_paced(PasswordResetView.as_view()), name="account_reset_password"),
    path("sessions/", views.Sessions.as_view(), name="usersessions_list"),
    path("", include("allauth.urls")),
]
