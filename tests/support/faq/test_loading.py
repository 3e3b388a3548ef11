"""The load adds what is missing, brings up to date what nobody has edited, and leaves the rest to staff."""

from pathlib import Path

import pytest
from django.core.management import call_command

from support.faq.loading import BadEntry, load, read
from support.faq.models import FaqCategory, FaqQuestion

pytestmark = pytest.mark.django_db

ENTRY = "---\nquestion: How?\nwords: way\nreader: balance\nlink: billing Billing\nlink: home Home\n---\nLike this.\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "categories.toml").write_text('general = "General"\nempty = "Empty"\n')
    (tmp_path / "general").mkdir()
    (tmp_path / "general" / "20-how.md").write_text(ENTRY)
    return tmp_path


def counts(source: Path) -> tuple[int, int, int]:
    loaded = load(source=source)
    return loaded.added, loaded.updated, loaded.edited


def test_what_is_missing_is_added(source):
    assert counts(source) == (1, 0, 0)
    question = FaqQuestion.objects.select_related("category").get()
    assert (question.category.name, question.slug, question.position, question.is_published) == (
        "General",
        "how",
        20,
        True,
    )
    assert [getattr(question, name) for name in FaqQuestion.LOADED] == [
        "How?",
        "Like this.\n",
        "way",
        "billing Billing\nhome Home",
        "balance",
    ]
    assert list(FaqCategory.objects.order_by("position").values_list("name", "position")) == [
        ("General", 10),
        ("Empty", 20),
    ]


def test_loading_twice_does_it_once(source):
    assert [counts(source) for _ in range(2)] == [(1, 0, 0), (0, 0, 0)]


def test_what_nobody_has_edited_follows_its_file(source):
    load(source=source)
    (source / "general" / "20-how.md").write_text(ENTRY.replace("Like this.", "Like that."))
    assert counts(source) == (0, 1, 0)
    assert FaqQuestion.objects.get().answer == "Like that.\n"
    assert counts(source) == (0, 0, 0)


@pytest.mark.parametrize(
    "edit", [{"question": "Why?"}, {"answer": "Ask us."}, {"words": ""}, {"links": ""}, {"reader": ""}]
)
def test_what_staff_have_edited_stays(source, edit):
    load(source=source)
    FaqQuestion.objects.update(**edit)
    (source / "general" / "20-how.md").write_text(ENTRY.replace("Like this.", "Like that."))
    assert counts(source) == (0, 0, 1)
    name, value = next(iter(edit.items()))
    assert getattr(FaqQuestion.objects.get(), name) == value


def test_what_staff_have_withdrawn_moved_or_renamed_stays_so(source):
    load(source=source)
    FaqQuestion.objects.update(is_published=False, position=7)
    FaqCategory.objects.filter(slug="general").update(name="This and that", position=99)
    (source / "general" / "20-how.md").write_text(ENTRY.replace("Like this.", "Like that."))
    assert counts(source) == (0, 1, 0)
    question = FaqQuestion.objects.select_related("category").get()
    assert (question.is_published, question.position, question.category.name) == (False, 7, "This and that")


@pytest.mark.parametrize(
    "text",
    [
        "no head at all",
        "---\nquestion: How?\nLike this.",
        ENTRY.replace("words:", "wrods:"),
        ENTRY.replace("question: How?\n", ""),
        ENTRY.replace("Like this.", ""),
        ENTRY.replace("balance", "everything"),
    ],
)
def test_an_entry_that_is_written_wrongly_is_refused(text):
    with pytest.raises(BadEntry):
        read(text, slug="how", position=1)


def test_a_file_without_its_place_is_refused_and_nothing_is_loaded(source):
    (source / "general" / "why.md").write_text(ENTRY)
    with pytest.raises(BadEntry):
        load(source=source)
    assert FaqCategory.objects.count() == 0


def test_the_command_says_what_it_did(capsys):
    call_command("load_faq")
    call_command("load_faq")
    count = FaqQuestion.objects.count()
    assert capsys.readouterr().out.splitlines() == [
        f"Questions of the FAQ: {count} added, 0 brought up to date, 0 left as staff have edited them.",
        "Questions of the FAQ: 0 added, 0 brought up to date, 0 left as staff have edited them.",
    ]
