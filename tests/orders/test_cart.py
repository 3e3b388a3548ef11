"""The cart: a visitor's, a customer's, and the one becoming the other at login."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import IntegrityError, transaction
from django.test import Client

from callcentric import clock
from catalog.models import Product
from orders import cart as carts
from orders.models import Cart, CartLine

pytestmark = pytest.mark.usefixtures("catalog")

BASIC = "north-america-basic"
FIVE_HUNDRED = "north-america-500"


def codes(cart: Cart) -> list[str]:
    return list(cart.lines.order_by("pk").values_list("product__code", flat=True))


def add(client: Client, code: str):
    return client.post("/cart/add/", {"product": code})


def test_order_now_puts_a_plan_into_the_cart(alice, alice_client):
    response = add(alice_client, BASIC)
    assert (response.status_code, response.url) == (302, "/cart/")
    assert codes(alice.cart) == [BASIC]
    assert [str(message) for message in get_messages(response.wsgi_request)] == ["North America Basic is in your cart."]


def test_pressing_it_twice_adds_it_once(alice, alice_client):
    add(alice_client, BASIC)
    add(alice_client, BASIC)
    assert codes(alice.cart) == [BASIC]


def test_another_plan_takes_the_place_of_the_first(alice, alice_client):
    add(alice_client, BASIC)
    add(alice_client, FIVE_HUNDRED)
    assert codes(alice.cart) == [FIVE_HUNDRED]


def test_a_visitor_has_a_cart_too(client, db):
    add(client, BASIC)
    cart = Cart.objects.get()
    assert (cart.account, codes(cart)) == (None, [BASIC])
    assert client.get("/cart/").context["rows"][0].line.product.code == BASIC


def test_two_visitors_do_not_share_a_cart(client, db):
    add(client, BASIC)
    assert Client().get("/cart/").context["rows"] == []


def test_at_login_the_visitors_cart_becomes_the_customers(client, alice):
    add(client, FIVE_HUNDRED)
    client.force_login(alice.user)
    assert client.get("/cart/").context["rows"][0].line.product.code == FIVE_HUNDRED
    assert [cart.account for cart in Cart.objects.all()] == [alice]


def test_at_login_what_was_chosen_last_wins_where_only_one_can_be(client, alice):
    mine = Cart.objects.create(account=alice)
    basic = Product.objects.get(code=BASIC)
    CartLine.objects.create(cart=mine, product=basic, kind=basic.kind)
    add(client, FIVE_HUNDRED)
    client.force_login(alice.user)
    client.get("/cart/")
    assert codes(mine) == [FIVE_HUNDRED]


def test_a_line_can_be_removed(alice, alice_client):
    add(alice_client, BASIC)
    response = alice_client.post(f"/cart/{alice.cart.lines.get().pk}/remove/")
    assert (response.status_code, codes(alice.cart)) == (302, [])


def test_a_line_that_is_gone_already_is_said_to_be_gone(alice, alice_client):
    add(alice_client, BASIC)
    path = f"/cart/{alice.cart.lines.get().pk}/remove/"
    alice_client.post(path)
    response = alice_client.post(path, follow=True)
    assert response.redirect_chain == [("/cart/", 302)]
    assert "It was no longer in your cart." in response.content.decode()


def test_a_strangers_line_is_not_found(alice, alice_client, bob_client, client):
    add(alice_client, BASIC)
    path = f"/cart/{alice.cart.lines.get().pk}/remove/"
    assert [bob_client.post(path).status_code, client.post(path).status_code] == [404, 404]
    assert codes(alice.cart) == [BASIC]


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("nothing-of-ours", 404, ""),
        ("", 404, ""),
        ("nul\x00byte", 404, ""),
        ("ip-freedom", 409, "IP Freedom is not ordered from here."),
        ("e911", 409, "911 comes with a rate plan or a phone number, and you have neither."),
        ("additional-channel", 409, "is not ordered from here."),
    ],
)
def test_what_cannot_be_ordered_is_refused(alice, alice_client, code, status, words):
    response = add(alice_client, code)
    assert response.status_code == status
    assert words in response.content.decode()
    assert CartLine.objects.count() == 0


def test_a_withdrawn_product_is_refused_with_the_reason(alice, alice_client):
    Product.objects.filter(code=BASIC).update(is_offered=False)
    response = add(alice_client, BASIC)
    assert response.status_code == 409
    assert "North America Basic is no longer offered. Choose another product." in response.content.decode()


def test_a_product_withdrawn_after_it_was_chosen_says_so_in_the_cart(alice, alice_client):
    add(alice_client, BASIC)
    Product.objects.filter(code=BASIC).update(is_offered=False)
    page = alice_client.get("/cart/")
    assert page.context["quote"].problems == (
        "North America Basic is no longer offered. Remove it from the cart to go on.",
    )
    assert 'href="/checkout/"' not in page.content.decode().split('aria-label="Total"')[1]


def test_the_count_is_in_the_header_of_every_page(alice_client, client):
    add(alice_client, BASIC)
    assert alice_client.get("/orders/").context["cart_count"] == 1
    assert client.get("/").context["cart_count"] == 0


def test_staff_have_no_cart(sam_client):
    assert sam_client.get("/cart/").context["cart_count"] == 0


def test_an_empty_cart_says_what_to_do(client, db):
    page = client.get("/cart/")
    assert page.status_code == 200
    assert "Your cart is empty." in page.content.decode()


def test_a_cart_is_added_to_by_post_alone(client, db):
    assert [client.get("/cart/add/").status_code, client.get("/cart/1/remove/").status_code] == [405, 405]


def test_postgresql_holds_one_plan_per_cart(alice):
    cart = Cart.objects.create(account=alice)
    for code in [BASIC, FIVE_HUNDRED]:
        line = CartLine(cart=cart, product=Product.objects.get(code=code), kind="plan")
        if code == BASIC:
            line.save()
            continue
        with pytest.raises(IntegrityError, match="one_rate_plan_per_cart"), transaction.atomic():
            line.save()


def test_carts_that_visitors_left_are_forgotten_and_customers_keep_theirs(alice, client, alice_client):
    add(client, BASIC)
    add(alice_client, BASIC)
    Cart.objects.update(made_at=clock.now() - timedelta(days=15))
    assert carts.forget_visitors(now=clock.now()) == 1
    assert [cart.account for cart in Cart.objects.all()] == [alice]


def test_a_cart_that_was_made_lately_stays(client, db):
    add(client, BASIC)
    assert carts.forget_visitors(now=clock.now()) == 0
