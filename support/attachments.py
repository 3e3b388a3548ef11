"""Says what a file is by its content, and keeps it with a message (domain.md §9).

A file is never shown inside a page: `support/downloads.py` hands it out to be saved. So this need not find out whether
a picture is whole, only that nothing else passes for one.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from callcentric.errors import Refused
from support.models import Attachment, Message
from support.models.messages import FILES_A_MESSAGE, LARGEST_FILE

Kind = Attachment.Kind

# What a file of each kind begins with.
SIGNATURES = [
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"%PDF-", Kind.PDF),
]
# How its name may end; the first is what it is given where the name says nothing, or another kind of picture.
ENDINGS = {
    Kind.PNG: [".png"],
    Kind.JPEG: [".jpg", ".jpeg"],
    Kind.GIF: [".gif"],
    Kind.WEBP: [".webp"],
    Kind.PDF: [".pdf"],
    Kind.TEXT: [".txt", ".log", ".csv"],
}
PICTURES = [Kind.PNG, Kind.JPEG, Kind.GIF, Kind.WEBP]
ACCEPTED = ",".join(ending for endings in ENDINGS.values() for ending in endings)
IN_WORDS = "pictures (PNG, JPEG, GIF, WebP), PDF and plain text (.txt, .log, .csv)"


class NotAttachable(Refused):
    """This file, or so many of them, cannot be attached."""


@dataclass(frozen=True)
class File:
    """A file that has been looked at: what it really is, under a name that says so."""

    name: str
    kind: str
    content: bytes


def why_not_so_many(count: int) -> str:
    """Why so many files cannot come with one message; empty where they can."""
    if count <= FILES_A_MESSAGE:
        return ""
    return f"A message takes {FILES_A_MESSAGE} files, and these are {count}. Send the others with a second message."


def why_not_so_large(name: str, size: int) -> str:
    """Why a file of ``size`` bytes cannot be attached; empty where it can. Asked before it is read."""
    if size == 0:
        return f"{name} is empty."
    if size > LARGEST_FILE:
        return f"{name} is larger than 5 MB. Attach a smaller picture, or the part of the file that matters."
    return ""


def judge(name: str, content: bytes) -> File:
    """The file as what it is by its content. Raises NotAttachable, worded for whoever attached it."""
    name = name.strip() or "file"
    if problem := why_not_so_large(name, len(content)):
        raise NotAttachable(problem)
    kind = kind_of(content)
    if kind is None:
        raise NotAttachable(f"{name} cannot be attached. We take {IN_WORDS}, and its content is none of these.")
    path = PurePath(name)
    if path.suffix and path.suffix.lower() not in _endings_that_fit(kind):
        raise NotAttachable(
            f"{name} is not what its name says: its content is {kind.label}. "
            f"We take {IN_WORDS}; give it the name of what it is and attach it again."
        )
    ending = path.suffix if path.suffix.lower() in ENDINGS[kind] else ENDINGS[kind][0]
    return File(name=path.stem[: 100 - len(ending)] + ending, kind=kind, content=content)


def kind_of(content: bytes) -> Attachment.Kind | None:
    """What ``content`` is: by how it begins, or plain text; None for anything else.

    What can be read as text is no picture, however it begins: a script may begin with "GIF89a".
    """
    kind = next((kind for start, kind in SIGNATURES if content.startswith(start)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = Kind.WEBP
    if kind == Kind.PDF:
        return kind
    if _is_text(content):
        return None if kind else Kind.TEXT
    return kind


def keep(message: Message, files: Sequence[File]) -> None:
    """Store the files with their message. Raises NotAttachable where they are too many."""
    if problem := why_not_so_many(len(files)):
        raise NotAttachable(problem)
    Attachment.objects.bulk_create(
        Attachment(
            message=message, place=place, name=file.name, kind=file.kind, size=len(file.content), content=file.content
        )
        for place, file in enumerate(files, start=1)
    )


def _endings_that_fit(kind: Attachment.Kind) -> list[str]:
    """A picture is a picture: phones save one kind under the other's name, and no harm is in it."""
    kinds = PICTURES if kind in PICTURES else [kind]
    return [ending for kind in kinds for ending in ENDINGS[kind]]


def _is_text(content: bytes) -> bool:
    """Whether it is UTF-8 without control characters but for tabs and ends of lines."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return not any(unicodedata.category(letter) == "Cc" and letter not in "\t\r\n" for letter in set(text))
