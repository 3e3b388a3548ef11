"""The FAQ's pages: for everybody, at addresses of their own, and never a customer's dates for somebody else."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from callcentric import clock
from catalog.models import Price, Product
from support.faq.models import FaqCategory, MissedSearch
from tests.support.faq.conftest import text_of


def links(response) -> list[str]:
    page = response.content.decode()
    return re.findall(r'href="([^"]+)"', page[page.index("<main") : page.index("</main>")])


class TestTheFirstPage:
    def test_it_lists_categories_and_questions_in_their_order(self, faq, client):
        response = client.get("/faq/")
        assert [category.slug for category, _ in response.context["sections"]] == [
            "products-and-services",
            "billing",
            "phone-numbers",
            "rate-plans",
            "signup-and-login",
            "online-account-management",
            "security",
            "911",
            "general",
        ]
        assert links(response).count("/faq/products-and-services/order-a-rate-plan/") == 1
        assert text_of(response).count("Return to top") == 9
        assert text_of(response).count("Search the FAQ") == 1

    def test_it_works_without_any_question(self, db, client):
        assert "No answers yet" in text_of(client.get("/faq/"))

    def test_what_is_withdrawn_is_nowhere(self, ask, client):
        hidden = ask("Hidden?", is_published=False)
        answers = [client.get(path) for path in ("/faq/", "/faq/general/", "/faq/search/?q=hidden")]
        assert ["Hidden?" in text_of(answer) for answer in answers] == [False, False, False]
        assert client.get(hidden.get_absolute_url()).status_code == 404


class TestAnAnswer:
    def test_it_has_its_question_its_neighbours_and_where_to_go(self, ask, client):
        first, second, third = (
            ask(f"{name}?", f"**{name}** [Billing](page:billing)", position=n, links="home Home")
            for n, name in enumerate(["First", "Second", "Third"])
        )
        response = client.get(second.get_absolute_url())
        page = response.content.decode()
        assert re.findall(r"<h1>(.*?)</h1>", page) == ["Second?"]
        assert '<strong>Second</strong> <a href="/billing/">Billing</a>' in page
        assert re.findall(r'<a rel="(\w+)" href="([^"]+)"', page) == [
            ("prev", first.get_absolute_url()),
            ("next", third.get_absolute_url()),
        ]
        assert links(response).count("#top") == 1
        assert page.count('<a class="button" href="/">Home</a>') == 1
        assert page.count('aria-current="page"') == 1

    def test_the_first_and_the_last_have_one_neighbour(self, ask, client):
        first, last = ask("First?", position=1), ask("Last?", position=2)
        rels = [re.findall(r'<a rel="(\w+)"', client.get(q.get_absolute_url()).content.decode()) for q in (first, last)]
        assert rels == [["next"], ["prev"]]

    @pytest.mark.parametrize("path", ["/faq/nowhere/", "/faq/general/nowhere/", "/faq/general/question-0/more/"])
    def test_what_is_not_there_is_not_found(self, ask, client, path):
        ask("A question?")
        assert client.get(path).status_code == 404

    def test_a_category_without_questions_says_so(self, db, client):
        FaqCategory.objects.create(slug="empty", name="Empty")
        assert "No answers here yet" in text_of(client.get("/faq/empty/"))

    def test_markdown_of_staff_cannot_act(self, ask, client):
        evil = ask("A question?", "<script>alert(1)</script>[x](javascript:alert(1))")
        page = client.get(evil.get_absolute_url()).content.decode()
        assert ("<script>alert" in page, 'javascript:alert(1)"' in page) == (False, False)


class TestSearching:
    def test_an_answer_is_found_and_linked(self, faq, client):
        response = client.get("/faq/search/?q=extra+channels")
        assert links(response).count("/faq/products-and-services/add-extra-channels/") == 1
        assert "<mark>channels</mark>" in response.content.decode()
        assert MissedSearch.objects.count() == 0

    def test_a_typo_is_mended_and_said(self, faq, client):
        response = client.get("/faq/search/?q=recliam+nubmer")
        assert "Nothing was found for “recliam nubmer”, so these are for reclaim number." in text_of(response)
        assert links(response).count("/faq/search/?q=reclaim%20number") == 1
        assert links(response).count("/faq/products-and-services/get-back-a-lost-number/") == 1
        assert MissedSearch.objects.count() == 0

    def test_nothing_says_what_to_do_and_is_written_down(self, faq, client):
        response = client.get("/faq/search/?q=Xyzzy+Plugh")
        assert response.status_code == 200
        assert "No answer has “Xyzzy Plugh” Try fewer or other words" in text_of(response)
        assert links(response).count("/faq/billing/") == 1
        missed = MissedSearch.objects.get()
        assert (missed.text, missed.times, missed.showed_some) == ("xyzzy plugh", 1, False)

    def test_some_of_the_words_are_shown_and_written_down(self, faq, client):
        response = client.get("/faq/search/?q=fax+number")
        assert "No answer has all of these words. These have some of them." in text_of(response)
        assert list(MissedSearch.objects.values_list("text", "showed_some")) == [("fax number", True)]

    def test_a_visitor_has_no_more_written_down_than_so_often(self, faq, client, settings):
        settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"faq_missed": "2/h/ip"}
        answers = [client.get(f"/faq/search/?q=xyzzy{'q' * n}").status_code for n in range(4)]
        assert (answers, MissedSearch.objects.count()) == ([200] * 4, 2)

    def test_looking_at_the_head_alone_writes_nothing_down(self, faq, client):
        assert client.head("/faq/search/?q=xyzzy").status_code == 200
        assert MissedSearch.objects.count() == 0

    @pytest.mark.parametrize("query", ["", "?q=", "?q=+++", "?other=1"])
    def test_without_words_there_is_the_box(self, faq, client, query):
        response = client.get(f"/faq/search/{query}")
        assert (response.status_code, "All categories" in text_of(response)) == (200, True)

    @pytest.mark.parametrize(
        ("typed", "error"),
        [
            ("a\x00b", "Null characters are not allowed."),
            ("x" * 10_000, "Ensure this value has at most 100 characters (it has 10000)."),
        ],
    )
    def test_nonsense_is_refused_beside_the_box_and_kept(self, faq, client, typed, error):
        response = client.get("/faq/search/", {"q": typed})
        assert (response.status_code, response.context["search"].errors["q"]) == (422, [error])
        assert response.context["search"]["q"].value() == typed
        assert MissedSearch.objects.count() == 0

    def test_what_is_typed_is_escaped(self, faq, client):
        page = client.get("/faq/search/", {"q": "<script>alert(1)</script>"}).content.decode()
        assert page.count("<script>alert(1)") == 0

    def test_nothing_is_changed_by_a_post(self, faq, client):
        assert client.post("/faq/search/", {"q": "x"}).status_code == 405


class TestReaders:
    @pytest.fixture
    def about_balance(self, ask):
        return ask("My balance?", reader="balance")

    def test_a_customer_reads_their_own(self, about_balance, alice_client):
        response = alice_client.get(about_balance.get_absolute_url())
        assert response.context["own"].sentences == (
            "Your balance is $0.00.",
            "Your billing preference: Balance first, then card.",
        )
        assert "For your account Your balance is $0.00." in text_of(response)
        assert links(response).count("/billing/") == 1

    def test_visitors_and_staff_read_nothing_of_it(self, about_balance, client, sam_client):
        answers = [reader.get(about_balance.get_absolute_url()) for reader in (client, sam_client)]
        assert ["For your account" in text_of(answer) for answer in answers] == [False, False]

    def test_no_cache_keeps_or_shares_it(self, about_balance, ask, client, alice_client):
        plain = ask("A question?").get_absolute_url()
        own = alice_client.get(about_balance.get_absolute_url())
        assert own.headers["Cache-Control"] == "private, no-store"
        others = [client.get(plain), client.get("/faq/"), client.get("/faq/search/?q=a"), alice_client.get(plain)]
        assert [
            answer.headers["Cache-Control"] for answer in [*others, client.get(about_balance.get_absolute_url())]
        ] == (["private"] * 5)
        assert "Cookie" in own.headers["Vary"]

    def test_where_there_is_nothing_to_tell_nothing_is_said(self, ask, alice_client):
        response = alice_client.get(ask("My number?", reader="reclaim").get_absolute_url())
        assert "For your account" not in text_of(response)


def test_pages_take_no_more_queries_for_more_questions(ask, client, django_assert_num_queries):
    first = ask("One zebra?").get_absolute_url()
    pages = {"/faq/": 1, "/faq/general/": 3, first: 3, "/faq/search/": 1, "/faq/search/?q=zebra": 2}
    for page, queries in pages.items():
        with django_assert_num_queries(queries):
            client.get(page)
    ask("Two zebras?")
    ask("Three zebras?")
    for page, queries in pages.items():
        with django_assert_num_queries(queries):
            client.get(page)


def test_the_footer_and_the_navigation_lead_there(db, client):
    page = client.get("/").content.decode()
    assert re.findall(r'href="/faq/"[^>]*>(.*?)</a>', page) == ["FAQ", "FAQ"]


def test_the_business_date_decides_what_a_price_is(catalog, ask, client):
    tomorrow = clock.today() + timedelta(days=1)
    Price.objects.create(product=Product.objects.get(code="e911"), effective_on=tomorrow, monthly=9, setup=9)
    page = client.get(ask("What does it cost?", "{price:e911:monthly}").get_absolute_url())
    assert ("$1.50" in text_of(page), "$9.00" in text_of(page)) == (True, False)


def test_addresses_are_those_that_others_rely_on():
    assert [reverse("faq"), reverse("faq_question", args=["billing", "add-funds"])] == [
        "/faq/",
        "/faq/billing/add-funds/",
    ]
