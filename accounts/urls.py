from django.urls import include, path

from accounts import views

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("forgot/", views.forgot, name="forgot"),
    path("", include("allauth.urls")),
]
