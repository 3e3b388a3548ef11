"""Every address of the portal; each app names its own."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from callcentric.health import healthz

urlpatterns = [
    path("", include("catalog.urls")),
    path("", include("orders.urls")),
    path("", include("phone_numbers.urls")),
    path("accounts/", include("accounts.urls")),
    path("agents/", include("agents.urls")),
    path("billing/", include("billing.urls")),
    path("services/", include("billing.service_urls")),
    path("stripe/", include("billing.stripe_urls")),
    path("support/", include("support.urls")),
    path("faq/", include("support.faq.urls")),
    path("admin/", include("staff.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
]

if settings.PORTAL_DEV:
    urlpatterns.append(path("dev/", include("callcentric.dev.urls")))

handler400 = "callcentric.problems.bad_request"
handler403 = "callcentric.problems.forbidden"
handler404 = "callcentric.problems.not_found"
handler500 = "callcentric.problems.server_error"
