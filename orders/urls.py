from django.urls import path

from orders import views

urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("order/", views.order, name="order"),
    path("order/outbound/", views.order_outbound, name="order_outbound"),
    path("cart/", views.cart, name="cart"),
    path("cart/add/", views.cart_add, name="cart_add"),
    path("cart/<int:line>/remove/", views.cart_remove, name="cart_remove"),
    path("checkout/", views.checkout, name="checkout"),
    path("orders/", views.orders, name="orders"),
    path("orders/<slug:reference>/", views.order_detail, name="order_detail"),
]
