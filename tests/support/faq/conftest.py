"""The FAQ as it is loaded, and small questions of one's own."""

from collections.abc import Callable
from datetime import date

import pytest
from django.utils.html import strip_tags

from support.faq import loading
from support.faq.models import FaqCategory, FaqQuestion

TODAY = date(2027, 1, 11)


@pytest.fixture
def faq(catalog) -> None:
    """All our questions, and the catalogue whose prices they name."""
    loading.load()


@pytest.fixture
def ask(db) -> Callable[..., FaqQuestion]:
    """Adds a question to the FAQ."""

    def add(question: str, answer: str = "It is so.", **more: object) -> FaqQuestion:
        category, _ = FaqCategory.objects.get_or_create(slug="general", defaults={"name": "General"})
        slug = f"question-{FaqQuestion.objects.count()}"
        return FaqQuestion.objects.create(
            **{"category": category, "slug": slug, "question": question, "answer": answer, **more}
        )

    return add


def text_of(response) -> str:
    """The words of a page's own part."""
    page = response.content.decode()
    return " ".join(strip_tags(page[page.index("<main") : page.index("</main>")]).split())
