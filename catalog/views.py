from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("home")


def outbound(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("outbound")


def inbound(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("inbound")


def additional(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("additional")
