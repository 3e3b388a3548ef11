"""Search: every word first, then misspelt words mended, then some of the words; marked and escaped."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection

from callcentric.clock import BUSINESS_ZONE
from support.faq import misses, search
from support.faq.models import FaqCategory, FaqQuestion, FaqWord, MissedSearch
from tests.support.faq.conftest import TODAY, text_of

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)


def found(text: str) -> list[str]:
    return [hit.question.question for hit in search.find(text, today=TODAY).hits]


class TestRanking:
    def test_question_before_other_words_before_answer(self, ask):
        ask("Third?", "It is about channels.")
        ask("Second?", words="channels")
        ask("First, with channels?")
        assert found("channel") == ["First, with channels?", "Second?", "Third?"]

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("order a plan", "How do I order a rate plan?"),
            ("how do i get my number back", "How do I get back a number that I lost?"),
            ("reclaim", "How do I get back a number that I lost?"),
            ("ordering phone numbers", "How do I order a phone number (DID)?"),
            ("cancel", "How do I cancel my rate plan, or another service?"),
            ("911 cost", "What does 911 cost?"),
            ("extra channels", "How do I add extra channels to a number?"),
            ("coverage", "How do I check whether my area is covered?"),
            ("agent commission", "How do I refer clients as an agent?"),
            ("2fa", "How do I turn on two-factor login?"),
        ],
    )
    def test_ours_are_found_by_what_people_type(self, faq, text, first):
        assert found(text)[0] == first

    def test_words_in_a_row_words_to_leave_out_and_alternatives(self, ask):
        ask("Extra channels?")
        ask("Channels that are extra?")
        assert found('"extra channels"') == ["Extra channels?"]
        ask("Toll-free numbers?")
        assert sorted(found("toll or extra -channels")) == ["Toll-free numbers?"]

    def test_what_is_withdrawn_is_not_found(self, ask):
        ask("Hidden secret?", is_published=False)
        assert search.find("secret", today=TODAY) == search.Found()

    def test_pages_and_prices_are_no_words_of_an_answer(self, ask):
        ask("One?", "[here](page:billing), {price:e911:monthly}")
        assert [found(word) for word in ("billing", "monthly", "here or one")] == [[], [], ["One?"]]

    def test_at_most_so_many_and_a_heading_before_a_hundred_answers(self, ask):
        for n in range(20):
            ask(f"Number {n}?")
        ask("Something else?", "number number number")
        assert len(found("number")) == search.SHOWN
        assert "Something else?" not in found("number")


class TestMending:
    @pytest.mark.parametrize(
        ("typed", "mended", "first"),
        [
            ("recliam nubmer", "reclaim number", "How do I get back a number that I lost?"),
            ("chanel", "channel", "How do I add extra channels to a number?"),
            ("covrage", "coverage", "How do I check whether my area is covered?"),
            ("Pasword RESSET", "password reset", "I cannot log in. What can I do?"),
        ],
    )
    def test_misspelt_words_find_what_was_meant(self, faq, typed, mended, first):
        answer = search.find(typed, today=TODAY)
        assert (answer.mended, answer.has_every_word, answer.hits[0].question.question) == (mended, True, first)

    def test_what_is_like_nothing_finds_nothing(self, faq):
        assert search.find("xyzzy plugh", today=TODAY) == search.Found()

    def test_some_of_the_words_where_no_answer_has_all(self, ask):
        ask("How do I send a letter?")
        answer = search.find("letter zebra", today=TODAY)
        assert (found("letter zebra"), answer.has_every_word, answer.mended) == (["How do I send a letter?"], False, "")

    def test_words_are_collected_once_from_question_other_words_and_answer(self, ask):
        question = ask("Zebra crossing?", "**Zebra** [stripes](page:billing), an ox, x1y2", words="gnu")
        words = set(FaqWord.objects.values_list("word", flat=True))
        assert words == {"zebra", "crossing", "stripes", "gnu"}
        FaqQuestion.objects.filter(pk=question.pk).update(answer="Giraffe")
        assert set(FaqWord.objects.values_list("word", flat=True)) - words == {"giraffe"}


class TestMarks:
    def test_what_was_found_is_marked_in_question_and_answer(self, ask):
        ask("How do I order numbers?", "You **ordered** one number.")
        (hit,) = search.find("ordering number", today=TODAY).hits
        assert hit.title == "How do I <mark>order</mark> <mark>numbers</mark>?"
        # Where the sentence begins is PostgreSQL's to say.
        assert hit.excerpt == "<mark>ordered</mark> one <mark>number</mark>"

    def test_everything_else_is_escaped(self, ask):
        ask("Is <b>zebra</b> & 'gnu'?", 'zebra `<script>alert(1)</script>` \x02gnu\x03 & "zebra"')
        (hit,) = search.find("zebra", today=TODAY).hits
        assert hit.title == "Is &lt;b&gt;<mark>zebra</mark>&lt;/b&gt; &amp; &#x27;gnu&#x27;?"
        # PostgreSQL leaves out of an excerpt what looks like a tag.
        assert hit.excerpt == "<mark>zebra</mark>  alert(1)  gnu &amp; &quot;<mark>zebra</mark>"

    def test_excerpts_have_prices_and_no_markdown(self, faq):
        hits = {hit.question.slug: hit.excerpt for hit in search.find("911 recovery fee costs", today=TODAY).hits}
        assert hits["what-does-911-cost"].startswith("$1.50 once, the <mark>911</mark> <mark>recovery</mark>")


@pytest.mark.parametrize(
    "typed",
    [
        "'; DROP TABLE support_faqquestion; --",
        "zebra' & !:* | ) ( <-> \\",
        '"""" -- - or or or',
        "%s %(query)s {0} {}",
        "zebra\\0:*AB",
        "ünïcödé 漢字 🦓 ٣",
        "or",
        "-",
        "\x02zebra\x03",
    ],
)
def test_whatever_is_typed_is_words(ask, typed, client):
    ask("A zebra?")
    response = client.get("/faq/search/", {"q": typed})
    assert (response.status_code, FaqQuestion.objects.count()) == (200, 1)
    assert "<script" not in text_of(response)


def test_queries_do_not_grow_with_what_is_found(faq, ask, django_assert_num_queries):
    ask("One zebra?")
    for typed, queries in {"zebra": 2, "zebbra": 4, "zebra qqqqq": 4, "qqqqq": 3}.items():
        with django_assert_num_queries(queries):
            search.find(typed, today=TODAY)
    ask("Two zebras?")
    ask("Three zebras?")
    for typed, queries in {"zebra": 2, "zebbra": 4, "zebra qqqqq": 4, "qqqqq": 3}.items():
        with django_assert_num_queries(queries):
            search.find(typed, today=TODAY)


def test_prices_in_what_is_found_take_one_query_more(catalog, ask, django_assert_num_queries):
    for name in ("One", "Two"):
        ask(f"{name} zebra?", "{price:e911:monthly}")
    with django_assert_num_queries(3):
        assert [hit.excerpt for hit in search.find("zebra", today=TODAY).hits] == ["$1.50", "$1.50"]


def test_indexes_are_there_for_what_is_searched(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename IN ('support_faqquestion', 'support_faqword')")
        names = {name for (name,) in cursor.fetchall()}
    assert {"faq_question_search", "faq_question_heading", "faq_word_alike"} - names == set()


class TestMisses:
    def write(self, *texts: str) -> list[tuple[str, int, bool]]:
        for n, text in enumerate(texts):
            misses.write_down(text, showed_some=False, now=NOON + timedelta(hours=n))
        return list(MissedSearch.objects.order_by("text").values_list("text", "times", "showed_some"))

    def test_the_same_words_are_counted(self, db):
        assert self.write("Fax  Number?", "fax number", "FAX number!!") == [("fax number", 3, False)]
        assert MissedSearch.objects.get().last_at == NOON + timedelta(hours=2)

    @pytest.mark.parametrize(
        "text",
        [
            "alice@example.com",
            "where is 518 555-0100",
            "17775550100",
            "(518) 555 0100",
            "5 1 8 5 5",
            "?!",
            "a",
            "x" * 81,
            "",
        ],
    )
    def test_what_may_name_somebody_or_nothing_is_not_kept(self, db, text):
        assert self.write(text) == []

    def test_beyond_the_most_only_what_is_known_is_counted(self, db, monkeypatch):
        monkeypatch.setattr(misses, "MOST", 1)
        assert self.write("fax", "telex", "fax") == [("fax", 2, False)]

    def test_nothing_of_who_searched_is_kept(self):
        assert [field.name for field in MissedSearch._meta.fields] == ["id", "text", "times", "last_at", "showed_some"]

    def test_a_text_is_there_once(self, db):
        MissedSearch.objects.create(text="fax")
        with pytest.raises(IntegrityError, match="text"):
            MissedSearch.objects.create(text="fax")


class TestConstraints:
    def test_search_is_no_category(self, db):
        with pytest.raises(IntegrityError, match="search_is_no_category"):
            FaqCategory.objects.create(slug="search", name="Search")

    def test_an_answer_has_its_own_address(self, ask):
        ask("One?", slug="same")
        with pytest.raises(IntegrityError, match="an_answer_has_its_own_address"):
            ask("Two?", slug="same")
