"""What stands around every page: header, messages, problem pages, and how forms look."""

import re

import pytest
from django import forms
from django.test import Client
from django.utils.html import strip_tags

pytestmark = pytest.mark.django_db


def header_of(response) -> str:
    return re.search(r"<header class=\"site-header\">.*?</header>", response.content.decode(), re.DOTALL).group()


def words(html: str) -> str:
    return " ".join(strip_tags(html).split())


# --- The header -----------------------------------------------------------------------------------------------------
def test_a_visitor_finds_login_sign_up_and_cart(client):
    header = header_of(client.get("/"))
    assert words(header) == (
        "Callcentric Log in Username Your 1777 number or e-mail address works too. Password Log in "
        "Forgot your Username or Password? "
        "Menu Rate plans Phone numbers Channels and 911 Coverage FAQ "
        "My Account Sign Up Cart 0 products"
    )
    assert re.findall(r'name="([^"]+)"', header) == ["csrfmiddlewaretoken", "login", "password"]


def test_a_customer_finds_their_own_pages(alice_client):
    assert words(header_of(alice_client.get("/"))) == (
        "Callcentric Menu Order products and services Billing Profile Coverage FAQ Support Log out Alice My Account "
        "Cart 0 products"
    )


def test_staff_find_the_admin_and_no_customers_pages(sam_client):
    assert words(header_of(sam_client.get("/"))) == (
        "Callcentric Menu Rate plans Phone numbers Channels and 911 Coverage FAQ Staff admin Log out"
    )


def test_the_page_one_is_on_is_marked(client):
    header = header_of(client.get("/coverage/"))
    assert re.findall(r'href="([^"]+)" aria-current="page"', header) == ["/coverage/"]


# --- Problems -------------------------------------------------------------------------------------------------------
def test_what_does_not_exist_is_said_in_words(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert re.findall(r"<h1>(.*?)</h1>", response.content.decode()) == ["There is no such page"]


def test_an_unknown_host_is_answered_without_a_crash(client):
    response = client.get("/", headers={"host": "evil.example.com"})
    assert response.status_code == 400
    assert re.findall(r"<h1>(.*?)</h1>", response.content.decode()) == ["Something in that request was wrong"]


@pytest.mark.parametrize(
    ("referer", "links_back"),
    [("http://testserver/coverage/", 1), ("http://evil.example.com/", 0), ("", 0)],
)
def test_an_expired_form_says_how_to_go_on(referer, links_back):
    client = Client(enforce_csrf_checks=True)
    response = client.post("/dev/clock/", {"day": "2027-01-01"}, headers={"referer": referer})
    content = response.content.decode()
    assert response.status_code == 403
    assert re.findall(r"<h1>(.*?)</h1>", content) == ["This form was open too long"]
    assert content.count("Back to the form") == links_back


def test_our_own_mistake_is_a_page_that_needs_nothing(monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("catalog.models.ProductQuerySet.priced", fail)
    response = Client(raise_request_exception=False).get("/")
    assert response.status_code == 500
    assert re.findall(r"<h1>(.*?)</h1>", response.content.decode()) == ["Something went wrong on our side"]


# --- Forms ----------------------------------------------------------------------------------------------------------
class SampleForm(forms.Form):
    name = forms.CharField(help_text="As on your passport.")
    nickname = forms.CharField(required=False)
    agree = forms.BooleanField(required=False)
    colour = forms.ChoiceField(choices=[("red", "Red")], widget=forms.RadioSelect)
    secret = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> None:
        raise forms.ValidationError("These do not go together.")


def test_labels_hints_and_marks_of_what_is_optional():
    html = str(SampleForm())
    assert re.findall(r"<(?:label|legend)[^>]*>(?!<input)(.*?)</(?:label|legend)>", html) == [
        "Name",
        'Nickname <span class="optional">(optional)</span>',
        "Agree",
        "Colour",
    ]
    assert html.count('aria-describedby="id_name_helptext"') == html.count('id="id_name_helptext"') == 1
    assert html.count('type="hidden"') == 1


def test_errors_stand_beside_their_field_and_are_tied_to_it():
    html = str(SampleForm({"nickname": "Al"}))
    assert html.count('aria-describedby="id_name_helptext id_name_error"') == 1
    assert html.count('<ul class="field-error" id="id_name_error"><li>This field is required.</li></ul>') == 1
    assert html.count('aria-describedby="id_colour_error"') == html.count('id="id_colour_error"') == 1
    notice = '<div class="notice error" role="alert" tabindex="-1" autofocus><p>These do not go together.</p></div>'
    assert html.count(notice) == 1


def test_no_page_carries_inline_style_or_script(client, alice_client, catalog):
    for reader in (client, alice_client):
        for page in ("/", "/products/outbound/", "/products/inbound/", "/coverage/", "/dev/", "/nowhere/"):
            content = reader.get(page).content.decode()
            found = re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", content)
            assert (page, found) == (page, [])
