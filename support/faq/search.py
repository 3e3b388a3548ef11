"""Searches the FAQ: ranked by PostgreSQL, with the words found marked, and misspelt words mended."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from django.db import connection
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from support.faq import rendering
from support.faq.models import LANGUAGE, FaqCategory, FaqQuestion

SHOWN = 15
# How many are ranked by the whole of their answers.
RANKED = 60
# Words of a search that are looked at when they are not found as they are.
WORDS = 10
# Longer words than any of ours are not looked at.
LONGEST = 40
# How alike a word must be to one of ours to be taken for it: 0 to 1.
ALIKE = 0.7
# Around what was found, until it is escaped: characters that no text has.
_START, _STOP = "\x02", "\x03"
_MARKS = f'StartSel="{_START}", StopSel="{_STOP}"'
_EXCERPT = f'{_MARKS}, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=" … "'

_QUERY = f"websearch_to_tsquery('{LANGUAGE}', %(query)s)"
# Thousands may have a common word. Their headings are short and choose a few, of which the whole answers are ranked;
# and where enough have it in their headings, the others are not looked at.
BEST = f"""
    WITH in_headings AS MATERIALIZED (
        SELECT id FROM support_faqquestion WHERE is_published AND heading @@ {_QUERY}
        ORDER BY ts_rank(heading, {_QUERY}) DESC, id LIMIT %(ranked)s
    ), in_answers AS MATERIALIZED (
        SELECT id FROM support_faqquestion
        WHERE is_published AND search @@ {_QUERY} AND (SELECT count(*) FROM in_headings) < %(shown)s
        ORDER BY ts_rank(heading, {_QUERY}) DESC, id LIMIT %(ranked)s
    )
    SELECT question.id, question.slug, question, answer, category.slug, category.name
    FROM support_faqquestion AS question JOIN support_faqcategory AS category ON category.id = category_id
    WHERE question.id IN (SELECT id FROM in_headings UNION SELECT id FROM in_answers)
    ORDER BY ts_rank(search, {_QUERY}) DESC, question.id LIMIT %(shown)s
"""  # noqa: S608 (nothing in it comes from outside)
# The nearest of our words to each that is not one, and is not so common that PostgreSQL leaves it out.
NEAREST = """
    WITH unknown AS MATERIALIZED (
        SELECT typed.word FROM unnest(%s::text[]) AS typed (word)
        WHERE ts_lexize('english_stem', typed.word) <> '{}'
            AND NOT EXISTS (SELECT FROM support_faqword AS known WHERE known.word = typed.word)
    )
    SELECT unknown.word, near.word FROM unknown
    CROSS JOIN LATERAL (SELECT word FROM support_faqword ORDER BY word <-> unknown.word LIMIT 8) AS near
"""
MARKED = f"""
    SELECT ts_headline('{LANGUAGE}', title, query, %(title)s), ts_headline('{LANGUAGE}', text, query, %(excerpt)s)
    FROM {_QUERY} AS query,
        unnest(%(titles)s::text[], %(texts)s::text[]) WITH ORDINALITY AS found (title, text, place)
    ORDER BY place
"""  # noqa: S608


@dataclass(frozen=True)
class Hit:
    """One answer that was found: its question and a part of it, with the words that were searched for marked."""

    question: FaqQuestion
    title: SafeString
    excerpt: SafeString


@dataclass(frozen=True)
class Found:
    """What a search found; ``mended`` is what was searched for instead, where words were misspelt."""

    hits: tuple[Hit, ...] = ()
    mended: str = ""
    # Whether the answers have every word, or just some of them.
    has_every_word: bool = False


def find(text: str, *, today: date) -> Found:
    """The published answers to ``text``, best first; 2 to 6 queries, however many there are.

    1. Those with every word. PostgreSQL reads "quoted words", or, and -without as search engines do.
    2. Else the same for the nearest of our words in place of those that we do not have.
    3. Else those that have some of the words.
    """
    if hits := _hits(text, today):
        return Found(hits, has_every_word=True)
    words = list(dict.fromkeys(re.findall(r"[^\W_]+", text.lower())))[:WORDS]
    mended = _mended(words)
    found = Found(mended=" ".join(mended) if mended != words else "")
    if found.mended and (hits := _hits(found.mended, today)):
        return replace(found, hits=hits, has_every_word=True)
    hits = _hits(" or ".join(word for word in mended if word != "or"), today)
    return replace(found, hits=hits) if hits else Found()


def _hits(query: str, today: date) -> tuple[Hit, ...]:
    with connection.cursor() as cursor:
        cursor.execute(BEST, {"query": query, "ranked": RANKED, "shown": SHOWN})
        questions = [_question(*row) for row in cursor.fetchall()]
    return _marked(questions, query, today) if questions else ()


def _question(pk: int, slug: str, question: str, answer: str, category: str, name: str) -> FaqQuestion:
    return FaqQuestion(
        pk=pk, slug=slug, question=question, answer=answer, category=FaqCategory(slug=category, name=name)
    )


def _marked(questions: Sequence[FaqQuestion], query: str, today: date) -> tuple[Hit, ...]:
    has_prices = any(rendering.PRICE.search(question.answer) for question in questions)
    prices = rendering.prices(today) if has_prices else {}
    texts = [rendering.as_text(rendering.filled(question.answer, prices)) for question in questions]
    with connection.cursor() as cursor:
        cursor.execute(
            MARKED,
            {
                "query": query,
                "titles": [_without_marks(question.question) for question in questions],
                "texts": [_without_marks(text) for text in texts],
                "title": f"{_MARKS}, HighlightAll=true",
                "excerpt": _EXCERPT,
            },
        )
        rows = cursor.fetchall()
    return tuple(
        Hit(question, _safe(title), _safe(excerpt)) for question, (title, excerpt) in zip(questions, rows, strict=True)
    )


def _without_marks(text: str) -> str:
    return text.replace(_START, "").replace(_STOP, "")


def _safe(text: str) -> SafeString:
    marked = str(escape(text)).replace(_START, "<mark>").replace(_STOP, "</mark>")
    return mark_safe(marked)  # noqa: S308 (escaped before the marks were put in)


def _mended(words: list[str]) -> list[str]:
    """``words`` with the most alike of ours in place of each that we do not have, where one is alike enough."""
    unknown = [word for word in words if 2 < len(word) <= LONGEST and word.isalpha()]
    with connection.cursor() as cursor:
        cursor.execute(NEAREST, [unknown])
        near: dict[str, list[str]] = {}
        for word, ours in cursor.fetchall():
            near.setdefault(word, []).append(ours)
    best = {word: difflib.get_close_matches(word, ours, n=1, cutoff=ALIKE) for word, ours in near.items()}
    return [next(iter(best.get(word, [])), word) for word in words]
