"""What administrators alone see: who works here and what they may do, and the audit log."""

from staff.admin import audit, users

__all__ = ["audit", "users"]
