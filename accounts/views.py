from django.http import HttpRequest, HttpResponse


def profile(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("profile")


def forgot(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("forgot")
