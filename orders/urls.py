from django.urls import path

from orders.views import back_orders, channels, checkout, closing, dashboard, history, inbound, lost, shopping, spending

urlpatterns = [
    path("dashboard/", dashboard.dashboard, name="dashboard"),
    path("order/", shopping.order, name="order"),
    path("order/outbound/", shopping.order_outbound, name="order_outbound"),
    path("order/inbound/", inbound.order_inbound, name="order_inbound"),
    path("order/inbound/lookup/", inbound.order_lookup, name="order_lookup"),
    path("order/inbound/<int:area>/numbers/", inbound.order_numbers, name="order_numbers"),
    path("order/channels/", channels.order_channels, name="order_channels"),
    path("cart/", shopping.cart, name="cart"),
    path("cart/add/", shopping.cart_add, name="cart_add"),
    path("cart/<int:line>/hold/", shopping.cart_hold, name="cart_hold"),
    path("cart/<int:line>/remove/", shopping.cart_remove, name="cart_remove"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("checkout/address/", checkout.checkout_address, name="checkout_address"),
    path("back-orders/<int:pk>/withdraw/", back_orders.back_order_withdraw, name="back_order_withdraw"),
    # Among billing's pages; here because billing knows no orders.
    path("billing/spending/", spending.spending, name="spending"),
    # Beside the profile, which leads to it; it ends services and orders, so it is here.
    path("accounts/close/", closing.close_account, name="close_account"),
    path("services/lost/", lost.lost_services, name="lost_services"),
    path("services/lost/reorder/", lost.reorder, name="reorder"),
    path("services/lost/<int:pk>/reclaim/", lost.reclaim, name="reclaim"),
    path("orders/", history.orders, name="orders"),
    path("orders/<slug:reference>/", history.order_detail, name="order_detail"),
]
