"""The FAQ in staff's hands: they write, change and withdraw answers, and see what was searched for in vain."""

import pytest
from django.urls import reverse

from support.faq.models import FaqCategory, FaqQuestion, MissedSearch

QUESTIONS = reverse("admin:support_faqquestion_changelist")
ADD = reverse("admin:support_faqquestion_add")


def change(question: FaqQuestion) -> str:
    return reverse("admin:support_faqquestion_change", args=[question.pk])


def written(**more: object) -> dict[str, object]:
    return {"position": 5, "question": "Why?", "answer": "So.", "words": "", "links": "", "reader": ""} | more


def errors(response) -> list[str]:
    return response.context["adminform"].form.errors.get("answer", [])


class TestQuestions:
    def test_staff_write_one(self, faq, sam_client):
        category = FaqCategory.objects.get(slug="general")
        values = written(category=category.pk, slug="why", is_published="on", answer="See [Billing](page:billing).")
        assert sam_client.post(ADD, values).status_code == 302
        question = FaqQuestion.objects.get(slug="why")
        assert (question.is_edited, question.loaded_digest) == (True, "")
        assert sam_client.get(question.get_absolute_url()).status_code == 200

    def test_staff_change_and_withdraw_one_and_its_address_stays(self, faq, sam_client, client):
        question = FaqQuestion.objects.select_related("category").get(slug="add-funds")
        values = written(question="How do I pay in?", slug="forged", category=1)
        assert sam_client.post(change(question), values).status_code == 302
        question.refresh_from_db()
        assert (question.question, question.slug, question.is_published, question.is_edited) == (
            "How do I pay in?",
            "add-funds",
            False,
            True,
        )
        assert client.get("/faq/billing/add-funds/").status_code == 404

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ("[x](page:nowhere)", "These links lead nowhere: page:nowhere."),
            ("[x](/billing/)", "These links lead nowhere: /billing/."),
            ("{price:gone:monthly}", "The catalogue has no such price: {price:gone:monthly}."),
        ],
    )
    def test_links_and_prices_that_are_not_there_are_refused(self, ask, catalog, sam_client, answer, error):
        response = sam_client.post(change(ask("A question?")), written(answer=answer))
        assert [message[: len(error)] for message in errors(response)] == [error]

    def test_a_link_that_an_answer_had_may_stay(self, ask, catalog, sam_client):
        question = ask("A question?", "[x](page:not_there_yet)")
        values = written(answer="[x](page:not_there_yet) and more")
        assert sam_client.post(change(question), values).status_code == 302

    def test_what_was_loaded_is_withdrawn_and_not_deleted(self, faq, ask, sam_client):
        loaded, own = FaqQuestion.objects.get(slug="add-funds"), ask("A question?")
        paths = [reverse("admin:support_faqquestion_delete", args=[question.pk]) for question in (loaded, own)]
        assert [sam_client.post(path, {"post": "yes"}).status_code for path in paths] == [403, 302]
        assert b"delete_selected" not in sam_client.get(QUESTIONS).content

    def test_found_by_their_words(self, faq, sam_client):
        found = sam_client.get(QUESTIONS, {"q": "2fa"}).context["cl"].result_list
        assert [question.slug for question in found] == ["two-factor-login"]

    def test_the_list_takes_no_more_queries_for_more_of_them(self, ask, sam_client, django_assert_num_queries):
        ask("One?")
        sam_client.get(QUESTIONS)
        with django_assert_num_queries(5):
            sam_client.get(QUESTIONS)
        ask("Two?")
        ask("Three?")
        with django_assert_num_queries(5):
            sam_client.get(QUESTIONS)


class TestCategories:
    def test_renamed_but_not_moved_or_deleted(self, faq, sam_client):
        category = FaqCategory.objects.get(slug="billing")
        path = reverse("admin:support_faqcategory_change", args=[category.pk])
        assert sam_client.post(path, {"name": "Money", "slug": "money", "position": 1}).status_code == 302
        category.refresh_from_db()
        assert (category.name, category.slug) == ("Money", "billing")
        assert sam_client.post(reverse("admin:support_faqcategory_delete", args=[category.pk])).status_code == 403

    def test_none_is_called_search(self, db, sam_client):
        response = sam_client.post(
            reverse("admin:support_faqcategory_add"), {"name": "Search", "slug": "search", "position": 1}
        )
        assert "The search has this address. Choose another one." in response.content.decode()


class TestMissedSearches:
    LIST = reverse("admin:support_missedsearch_changelist")

    def test_the_most_wanted_first(self, db, sam_client):
        MissedSearch.objects.create(text="telex")
        MissedSearch.objects.create(text="fax", times=3)
        found = sam_client.get(self.LIST).context["cl"].result_list
        assert [(missed.text, missed.times) for missed in found] == [("fax", 3), ("telex", 1)]

    def test_looked_at_and_deleted_but_not_written(self, db, sam_client):
        missed = MissedSearch.objects.create(text="fax")
        path = reverse("admin:support_missedsearch_change", args=[missed.pk])
        assert sam_client.get(reverse("admin:support_missedsearch_add")).status_code == 403
        assert sam_client.post(path, {"text": "forged"}).status_code == 403
        gone = reverse("admin:support_missedsearch_delete", args=[missed.pk])
        assert sam_client.post(gone, {"post": "yes"}).status_code == 302
        assert MissedSearch.objects.count() == 0


@pytest.mark.parametrize("name", ["faqquestion", "faqcategory", "missedsearch"])
def test_customers_do_not_see_it(db, alice_client, name):
    assert alice_client.get(reverse(f"admin:support_{name}_changelist")).status_code == 302
