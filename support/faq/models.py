"""Categories, questions with their answers, and searches that nothing answers."""

import hashlib
import json
from typing import Any, Self

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, GistIndex, OpClass
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.urls import reverse

from callcentric import clock

# The language whose words are searched: "ordering" finds "order".
LANGUAGE = "english"
# Where an answer's links go and what is filled in when it is shown: no words of it. A pattern of PostgreSQL.
NO_WORDS = r"\]\([^)]*\)|\{[^}]*\}"


# What PostgreSQL searches: no page needs it.
SEARCHED = ("heading", "search")


def _heading_vector() -> Any:
    question = SearchVector("question", weight="A", config=LANGUAGE)
    return question + SearchVector("words", weight="B", config=LANGUAGE)


class FaqCategory(models.Model):
    """One heading of the FAQ; its slug is a part of the addresses of its answers."""

    slug = models.SlugField(max_length=40, unique=True, help_text="A part of the addresses below it; it never changes.")
    name = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = "FAQ category"
        verbose_name_plural = "FAQ categories"
        constraints = [
            models.CheckConstraint(
                condition=~Q(slug="search"),
                name="search_is_no_category",
                violation_error_message="The search has this address. Choose another one.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("faq_category", args=[self.slug])


class FaqQuestionQuerySet(models.QuerySet["FaqQuestion"]):
    def published(self) -> Self:
        """What anybody may read, with its category; what PostgreSQL searches stays there."""
        return self.filter(is_published=True).select_related("category").defer(*SEARCHED)

    def in_order(self) -> Self:
        return self.order_by("category__position", "category__name", "position", "pk")


class FaqQuestion(models.Model):
    """A question and its answer."""

    class Reader(models.TextChoices):
        """Whose own dates and amounts a logged-in reader finds beside the answer (support/faq/readers.py)."""

        NOTHING = "", "Nothing"
        RECLAIM = "reclaim", "Numbers that they can have back, and until when"
        RENEWAL = "renewal", "Their next renewal"
        BALANCE = "balance", "Their balance and billing preference"
        AGENT = "agent", "Their Agent ID and link"

    # What load_faq writes; is_published, category and position are staff's alone once a question is there.
    LOADED = ("question", "answer", "words", "links", "reader")

    category = models.ForeignKey(FaqCategory, on_delete=models.PROTECT, related_name="questions")
    slug = models.SlugField(max_length=80, help_text="The last part of its address; it never changes.")
    position = models.PositiveSmallIntegerField(default=0)
    question = models.CharField(max_length=200)
    answer = models.TextField(
        help_text=(
            "Markdown. A page of the portal is linked by its name: [Billing](page:billing). Another answer: "
            "[Rate plans](faq:rate-plans/change-my-plan). A price of the catalogue: {price:pay-per-minute:monthly}; "
            "also setup, per_minute and per_minute_canada."
        )
    )
    words = models.CharField(
        "other words", max_length=300, blank=True, help_text="What else people search for when they mean this."
    )
    links = models.TextField(
        blank=True, help_text="Pages to go to from here, one a line: the page's name and then words: billing Billing."
    )
    reader = models.CharField(
        "shows a customer", max_length=10, choices=Reader.choices, blank=True, default=Reader.NOTHING
    )
    is_published = models.BooleanField("published", default=True)
    # Of what load_faq last wrote here: while it is still that, the next load may write something newer.
    loaded_digest = models.CharField(max_length=64, blank=True, editable=False)
    # Question and other words alone: short enough to rank thousands of them.
    heading = models.GeneratedField(expression=_heading_vector(), output_field=SearchVectorField(), db_persist=True)
    search = models.GeneratedField(
        expression=_heading_vector()
        + SearchVector(
            Func(
                "answer",
                Value(NO_WORDS),
                Value(" "),
                Value("g"),
                function="regexp_replace",
                output_field=models.TextField(),
            ),
            weight="C",
            config=LANGUAGE,
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = FaqQuestionQuerySet.as_manager()

    class Meta:
        verbose_name = "FAQ question"
        constraints = [
            models.UniqueConstraint(fields=["category", "slug"], name="an_answer_has_its_own_address"),
        ]
        indexes = [
            GinIndex(fields=["heading"], name="faq_question_heading"),
            GinIndex(fields=["search"], name="faq_question_search"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="faq_words_are_collected",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("question", "words", "answer"),
                # 'simple': the words as they are written, which is how somebody misspells them.
                func=rf"""
                    INSERT INTO support_faqword (word)
                    SELECT spelt FROM unnest(tsvector_to_array(to_tsvector('simple', concat_ws(' ', NEW.question,
                        NEW.words, regexp_replace(NEW.answer, '{NO_WORDS}', ' ', 'g'))))) AS written (spelt)
                    WHERE spelt ~ '^[[:alpha:]]{{3,40}}$'
                    ORDER BY spelt ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,  # noqa: S608 (nothing in it comes from outside)
            )
        ]

    def __str__(self) -> str:
        return self.question

    def get_absolute_url(self) -> str:
        return reverse("faq_question", args=[self.category.slug, self.slug])

    @property
    def digest(self) -> str:
        """A fingerprint of what load_faq may write."""
        written = json.dumps([getattr(self, name) for name in self.LOADED])
        return hashlib.sha256(written.encode()).hexdigest()

    @property
    def is_edited(self) -> bool:
        """Whether staff wrote it, or changed what was loaded; then no load touches it."""
        return self.digest != self.loaded_digest


class FaqWord(models.Model):
    """A word that some question or answer has, for what is misspelt. A trigger of FaqQuestion collects them."""

    word = models.CharField(max_length=40, primary_key=True)

    class Meta:
        # GiST and not GIN: it knows the nearest word without a threshold.
        indexes = [GistIndex(OpClass(F("word"), "gist_trgm_ops"), name="faq_word_alike")]

    def __str__(self) -> str:
        return self.word


class MissedSearch(models.Model):
    """A search of the FAQ that no entry answers, for staff; nothing of who searched is kept."""

    text = models.CharField("searched for", max_length=80, unique=True)
    times = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField("last time", default=clock.now)
    showed_some = models.BooleanField("showed entries with some of the words", default=False)

    class Meta:
        verbose_name = "search that found nothing"
        verbose_name_plural = "searches that found nothing"

    def __str__(self) -> str:
        return self.text
