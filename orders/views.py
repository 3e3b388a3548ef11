from django.http import HttpRequest, HttpResponse


def dashboard(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("dashboard")


def order(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("order")


def order_outbound(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("order_outbound")


def cart(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("cart")


def cart_add(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("cart_add")


def cart_remove(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("cart_remove")


def checkout(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("checkout")


def orders(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("orders")


def order_detail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("order_detail")
