"""What a file is by its content, whatever its name and the browser say."""

import pytest

from support import attachments
from support.attachments import NotAttachable, judge
from support.models import Attachment
from support.models.messages import LARGEST_FILE
from tests.support.conversations import HTML, PNG

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
GIF = b"GIF89a\x01\x00\x01\x00\x00\xff\x00,"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"

IN_WORDS = "pictures (PNG, JPEG, GIF, WebP), PDF and plain text (.txt, .log, .csv)"


def not_what_it_says(name: str, truly: str) -> str:
    return (
        f"{name} is not what its name says: its content is {truly}. We take {IN_WORDS}; give it the name of what it is "
        "and attach it again."
    )


@pytest.mark.parametrize(
    ("name", "content", "kind", "kept_as"),
    [
        ("a.png", PNG, "image/png", "a.png"),
        ("a.JPEG", JPEG, "image/jpeg", "a.JPEG"),
        ("a.gif", GIF, "image/gif", "a.gif"),
        ("a.webp", WEBP, "image/webp", "a.webp"),
        ("a.pdf", PDF, "application/pdf", "a.pdf"),
        ("a.txt", b"tab\tand\r\nlines\n", "text/plain", "a.txt"),
        ("sip.log", "Grüße €".encode(), "text/plain", "sip.log"),
        ("with a mark.txt", b"\xef\xbb\xbfGrusse", "text/plain", "with a mark.txt"),
        # Phones save one kind of picture under the other's name.
        ("photo.png", JPEG, "image/jpeg", "photo.jpg"),
        ("photo", PNG, "image/png", "photo.png"),
        ("notes", b"words", "text/plain", "notes.txt"),
        ("", b"words", "text/plain", "file.txt"),
        # HTML under the name of a text is a text, and is served as one.
        ("page.txt", HTML, "text/plain", "page.txt"),
        ("x" * 300 + ".png", PNG, "image/png", "x" * 96 + ".png"),
        # A picture with a script behind it is a picture: nobody runs what is behind it.
        ("polyglot.png", PNG + HTML, "image/png", "polyglot.png"),
        ("polyglot.gif", GIF + b"*/=1;" + HTML, "image/gif", "polyglot.gif"),
    ],
)
def test_it_is_what_its_content_is(name, content, kind, kept_as):
    file = judge(name, content)
    assert (file.kind, file.name, file.content) == (kind, kept_as, content)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "photo.png",
            HTML,
            not_what_it_says("photo.png", "plain text"),
        ),
        (
            "page.html",
            HTML,
            not_what_it_says("page.html", "plain text"),
        ),
        (
            "scan.pdf",
            PNG,
            not_what_it_says("scan.pdf", "a PNG picture"),
        ),
        (
            "picture.svg",
            b"<svg onload='alert(1)'/>",
            not_what_it_says("picture.svg", "plain text"),
        ),
        ("empty.txt", b"", "empty.txt is empty."),
        *(
            (name, content, f"{name} cannot be attached. We take {IN_WORDS}, and its content is none of these.")
            for name, content in [
                ("setup.exe", b"MZ\x90\x00"),
                ("archive.zip", b"PK\x03\x04"),
                ("nul.txt", b"a\x00b"),
                ("escapes.log", b"\x1b[31mred"),
                ("other.txt", "Grüße".encode("latin-1")),
                ("notepad.txt", "words".encode("utf-16")),
                # A script that begins like a picture.
                ("script.gif", b"GIF89a/*" + HTML + b"*/=1"),
                ("script.webp", b"RIFF/**/WEBP=1;alert(1)"),
            ]
        ),
        # A PDF begins with its mark; what has something before it is not taken for one.
        (
            "page.pdf",
            HTML + PDF,
            not_what_it_says("page.pdf", "plain text"),
        ),
    ],
)
def test_it_is_refused_in_words(name, content, problem):
    with pytest.raises(NotAttachable) as refused:
        judge(name, content)
    assert str(refused.value) == problem


def test_five_megabytes_and_not_a_byte_more():
    largest = PNG + b"\x00" * (LARGEST_FILE - len(PNG))
    assert len(judge("a.png", largest).content) == 5 * 1024 * 1024
    with pytest.raises(NotAttachable, match="a.png is larger than 5 MB. Attach a smaller picture"):
        judge("a.png", largest + b"\x00")


def test_five_files_and_not_one_more(ticket):
    message = ticket.messages.get()
    file = judge("a.png", PNG)
    with pytest.raises(NotAttachable) as refused:
        attachments.keep(message, [file] * 6)
    assert str(refused.value) == "A message takes 5 files, and these are 6. Send the others with a second message."
    attachments.keep(message, [file] * 5)
    assert list(Attachment.objects.values_list("place", "size")) == [(place, len(PNG)) for place in range(1, 6)]
