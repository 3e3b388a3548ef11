from django.contrib import admin
from django.urls import path

from staff import views

urlpatterns = [
    path("customer-pages/<int:account>/", admin.site.admin_view(views.view_as_customer), name="view_as_customer"),
    path("customer-pages/stop/", views.stop_looking, name="stop_looking"),
]
