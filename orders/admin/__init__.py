"""Orders, services and the queue of back-orders as staff see them."""

from orders.admin import orders, services

__all__ = ["orders", "services"]
