"""Hands out attached files to whoever has been found to be allowed to see them: to be saved, never to be run."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from support.models import Attachment


def of(attachment: Attachment) -> HttpResponse:
    """The file as a download.

    A browser neither shows it in a page nor guesses that it is something else; and were it opened all the same, the
    sandbox takes scripts, forms and our origin away from it.
    """
    is_text = attachment.kind == Attachment.Kind.TEXT
    response = HttpResponse(
        bytes(attachment.content), content_type=f"{attachment.kind}; charset=utf-8" if is_text else attachment.kind
    )
    response["Content-Disposition"] = content_disposition_header(True, attachment.name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
