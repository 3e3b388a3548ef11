"""Where Stripe tells that something changed."""

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from billing import events, stripe_api, tasks
from callcentric import clock

log = structlog.get_logger(__name__)


@csrf_exempt
@require_POST
@login_not_required
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is kept; acting on it is a task's work, and the sweep's where none can be sent."""
    try:
        event = stripe_api.read_event(request.body, request.headers.get("Stripe-Signature", ""))
    except stripe_api.BadSignature:
        return HttpResponse("This is not signed by Stripe.", status=400, content_type="text/plain")
    kept = events.keep(event, now=clock.now())
    if not kept.acted_at:
        try:
            tasks.act_on_event.delay(event_id=kept.pk)
        except OperationalError:
            log.warning("broker away, event left to the sweep", stripe_event=event.id)
    return HttpResponse("Kept.", content_type="text/plain")
