from django.urls import path

from billing.views import services

urlpatterns = [
    path("<int:pk>/", services.service, name="service"),
    path("<int:pk>/cancel/", services.service_cancel, name="service_cancel"),
    path("<int:pk>/keep/", services.service_keep, name="service_keep"),
]
