"""Fills the FAQ with the answers in content/, and leaves what staff have written or changed alone."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from support.faq.models import SEARCHED, FaqCategory, FaqQuestion

CONTENT = Path(__file__).with_name("content")


class BadEntry(Exception):
    """A file of the FAQ that is not written as it should be: a defect of ours."""


@dataclass
class Loaded:
    """How many questions a load added, brought up to date, and left as staff have changed them."""

    added: int = 0
    updated: int = 0
    edited: int = 0


@transaction.atomic
def load(*, source: Path = CONTENT) -> Loaded:
    """Add the categories and questions that are missing, and bring those up to date that nobody has edited.

    A category or question is known by the names of its folder and file. Where it stands, and whether it is published,
    is staff's from then on. Raises BadEntry.
    """
    loaded = Loaded()
    names = tomllib.loads((source / "categories.toml").read_text())
    for position, (slug, name) in enumerate(names.items(), start=1):
        # Steps of ten, so that staff can put one between two others.
        category, _ = FaqCategory.objects.get_or_create(slug=slug, defaults={"name": name, "position": position * 10})
        for entry in _entries(source / slug):
            _write(category, entry, loaded)
    return loaded


def _write(category: FaqCategory, entry: FaqQuestion, loaded: Loaded) -> None:
    entry.loaded_digest = entry.digest
    there = FaqQuestion.objects.select_for_update().filter(category=category, slug=entry.slug).defer(*SEARCHED).first()
    if there is None:
        entry.category = category
        entry.save()
        loaded.added += 1
    elif there.is_edited:
        loaded.edited += there.digest != entry.digest
    elif there.digest != entry.digest:
        for name in (*FaqQuestion.LOADED, "loaded_digest"):
            setattr(there, name, getattr(entry, name))
        there.save(update_fields=[*FaqQuestion.LOADED, "loaded_digest"])
        loaded.updated += 1


def _entries(folder: Path) -> Iterator[FaqQuestion]:
    """The questions of a folder: ``10-how-do-i.md`` is the one at position 10."""
    for path in sorted(folder.glob("*.md")):
        position, _, slug = path.stem.partition("-")
        if not position.isdigit() or not slug:
            raise BadEntry(f"{path}: it should be called like 10-how-do-i.md")
        yield read(path.read_text(), slug=slug, position=int(position))


def read(text: str, *, slug: str, position: int) -> FaqQuestion:
    """An entry, unsaved: lines of ``name: value`` between two lines of ``---``, and the answer. Raises BadEntry."""
    _, opened, rest = text.partition("---\n")
    head, closed, answer = rest.partition("\n---\n")
    if not opened or not closed:
        raise BadEntry(f"{slug}: the lines between --- and --- are missing")
    values: dict[str, list[str]] = {"question": [], "words": [], "reader": [], "link": []}
    for line in head.splitlines():
        name, colon, value = line.partition(":")
        if not colon or name not in values:
            raise BadEntry(f"{slug}: {line}")
        values[name].append(value.strip())
    question, words, reader = ("".join(values[name][:1]) for name in ("question", "words", "reader"))
    if not question or not answer.strip() or reader not in FaqQuestion.Reader.values:
        raise BadEntry(f"{slug}: it needs a question, an answer, and a reader that is known or none")
    return FaqQuestion(
        slug=slug,
        position=position,
        question=question,
        answer=answer.strip() + "\n",
        words=words,
        reader=reader,
        links="\n".join(values["link"]),
    )
