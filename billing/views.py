from django.http import HttpRequest, HttpResponse


def billing(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("billing")


def transactions(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("transactions")


def transactions_csv(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("transactions_csv")


def deposit(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("deposit")


def payment(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("payment")


def payment_check(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("payment_check")


def card_add(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("card_add")


def card_default(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("card_default")


def card_remove(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("card_remove")
