"""Orders, services and the queue of back-orders as staff see them."""

from orders.admin import back_orders, orders, services

__all__ = ["back_orders", "orders", "services"]
