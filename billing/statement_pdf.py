"""Draws a statement as a PDF file: what its page says, on as many sheets as it takes."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from io import BytesIO
from typing import Any

import font_source_sans_pro
from django.conf import settings
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import letter
from reportlab.lib.units import inch
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, SimpleDocTemplate, Spacer, Table

from billing.history import Line
from billing.statement_lines import Contents
from callcentric.templatetags.show import balance, usd

REGULAR, BOLD = "SourceSansPro", "SourceSansProBold"
SIZE, LEADING = 9, 12
INK, INK_SOFT, LINE = HexColor("#151b2f"), HexColor("#4b546c"), HexColor("#c3c9d8")
MARGIN = 0.75 * inch
WIDTH = letter[0] - 2 * MARGIN
HEADER = ("Date", "Type", "Source", "Amount", "Tax", "Balance")
COLUMNS = (62, 74, WIDTH - 62 - 74 - 3 * 62, 62, 62, 62)
PADDING = 4
# A table is split again at each page, so one of thousands of lines would take minutes.
LINES_A_TABLE = 50
# What the library keeps free around its frame by itself.
FRAME = 6
INDENT = "    "
# Stands for a letter that the font does not have.
UNKNOWN = "?"


def draw(contents: Contents) -> bytes:
    """The file. The header of the table is repeated on each page, and each says how many there are."""
    _load_fonts()
    file = BytesIO()
    statement = contents.statement
    document = SimpleDocTemplate(
        file,
        pagesize=letter,
        leftMargin=MARGIN - FRAME,
        rightMargin=MARGIN - FRAME,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 0.25 * inch,
        title=f"Statement {statement}, {statement.month:%B %Y}",
        author=settings.OPERATOR,
        subject=f"Account {statement.account.number}",
        lang="en-US",
    )
    parts = [_head(contents), Spacer(0, 14), _summary(contents), Spacer(0, 18), *_movements(contents)]
    document.build(parts, onLaterPages=_repeat_header, canvasmaker=_canvas_for(contents))
    return file.getvalue()


def _head(contents: Contents) -> Flowable:
    statement, half = contents.statement, WIDTH / 2
    account = statement.account
    about = [
        (settings.OPERATOR, f"Statement {statement}"),
        (account.name, f"{contents.first_day:%-d %B %Y} to {contents.last_day:%-d %B %Y}"),
        (str(statement.billing_address), f"Account {account.number}"),
    ]
    rows = [[_wrapped(left, half), _wrapped(right, half)] for left, right in about]
    return Table(
        rows,
        colWidths=(half, half),
        style=[
            *_plain(),
            ("FONT", (0, 0), (-1, 0), BOLD, 16, 22),
            ("FONT", (0, 1), (-1, 1), BOLD, SIZE, LEADING),
            ("ALIGN", (1, 0), (1, -1), "RIGHT"),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 1), (-1, -1), 0),
        ],
    )


def _summary(contents: Contents) -> Flowable:
    statement = contents.statement
    rows = [
        ("Opening balance", balance(statement.opening)),
        *((name, usd(amount)) for name, amount in contents.totals),
        ("Closing balance", balance(statement.closing)),
    ]
    return Table(
        rows,
        colWidths=(150, 80),
        hAlign="LEFT",
        style=[
            *_plain(),
            ("FONT", (0, 0), (-1, 0), BOLD, SIZE, LEADING),
            ("FONT", (0, -1), (-1, -1), BOLD, SIZE, LEADING),
            ("LINEABOVE", (0, -1), (-1, -1), 1, INK),
            ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ],
    )


def _movements(contents: Contents) -> list[Flowable]:
    if not contents.lines:
        return [Table([["No money moved in this month."]], hAlign="LEFT", style=_plain())]
    begins = range(0, len(contents.lines), LINES_A_TABLE)
    parts = [_header(), *(_table_of(contents.lines[begin : begin + LINES_A_TABLE]) for begin in begins)]
    if contents.has_fractions:
        words = "Amounts are kept with four places and shown in cents. The CSV file of this statement has all of them."
        parts += [Spacer(0, 10), Table([[words]], hAlign="LEFT", style=_plain())]
    return parts


def _header() -> Table:
    return Table([HEADER], colWidths=COLUMNS, style=[*_in_columns(), ("FONT", (0, 0), (-1, 0), BOLD, SIZE, LEADING)])


def _repeat_header(canvas: Canvas, document: SimpleDocTemplate) -> None:
    """On every page but the first, where it stands in its place: just above what goes on."""
    header = _header()
    header.wrapOn(canvas, WIDTH, MARGIN)
    header.drawOn(canvas, MARGIN, letter[1] - MARGIN)


def _table_of(lines: Iterable[Line]) -> Flowable:
    rows: list[list[str]] = []
    rules: list[tuple] = []
    for line in lines:
        rules.append(("LINEABOVE", (0, len(rows)), (-1, len(rows)), 0.4, LINE))
        rows += _rows_of(line)
    return LongTable(rows, colWidths=COLUMNS, style=[*_in_columns(), *rules])


def _rows_of(line: Line) -> list[list[str]]:
    """The line, and what a renewal paid for below it: rows of their own, so that no row is longer than a page."""
    room = COLUMNS[2] - 2 * PADDING
    left = "" if line.balance is None else balance(line.balance)
    amounts = [usd(line.amount), usd(line.tax) if line.tax else "", left]
    first = [f"{line.on:%-d %b %Y}", _wrapped(line.kind, COLUMNS[1] - 2 * PADDING), _wrapped(line.source, room)]
    paid = [_wrapped(f"{each.what}: {usd(each.amount)}", room, indent=INDENT) for each in line.paid]
    return [[*first, *amounts], *(["", "", what, "", "", ""] for what in paid)]


def _in_columns() -> list[tuple]:
    return [*_plain(), ("ALIGN", (3, 0), (-1, -1), "RIGHT")]


def _plain() -> list[tuple]:
    everywhere = (0, 0), (-1, -1)
    return [
        ("FONT", *everywhere, REGULAR, SIZE, LEADING),
        ("TEXTCOLOR", *everywhere, INK),
        ("VALIGN", *everywhere, "TOP"),
        ("LEFTPADDING", *everywhere, PADDING),
        ("RIGHTPADDING", *everywhere, PADDING),
        ("TOPPADDING", *everywhere, 2),
        ("BOTTOMPADDING", *everywhere, 3),
    ]


def _wrapped(text: str, width: float, *, indent: str = "") -> str:
    """``text`` in lines that are no wider, in letters that the font has; a phone number stays in one piece."""
    room = width - _width(indent)
    together = re.sub(r"(\(\d{3}\)) ", "\\1\u00a0", _in_letters_of_the_font(text))
    lines = [""]
    for word in _broken(re.split(r"[ \t\r\n]+", together), room):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if _width(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(indent + line for line in lines)


def _width(text: str) -> float:
    return pdfmetrics.stringWidth(text, REGULAR, SIZE)


def _broken(words: Iterable[str], room: float) -> Iterator[str]:
    """``words``, and one that is wider than its column in pieces."""
    for word in words:
        if _width(word) <= room:
            yield word
            continue
        piece = ""
        for one in word:
            if _width(piece + one) > room:
                yield piece
                piece = ""
            piece += one
        yield piece


def _in_letters_of_the_font(text: str) -> str:
    """``text`` without what the font cannot write: such a letter loses its marks, or becomes a question mark."""
    known = pdfmetrics.getFont(REGULAR).face.charToGlyph
    return "".join(_letters(each, known) for each in unicodedata.normalize("NFC", text))


def _letters(one: str, known: dict[int, Any]) -> str:
    if ord(one) in known or one.isspace():
        return one
    plain = [each for each in unicodedata.normalize("NFKD", one) if not unicodedata.combining(each)]
    return "".join(each if ord(each) in known else UNKNOWN for each in plain)


@cache
def _load_fonts() -> None:
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, font_source_sans_pro.font_files_ttf[name]))


def _canvas_for(contents: Contents) -> type[Canvas]:
    """A canvas that writes the foot of each page once it knows how many there are."""
    statement = contents.statement
    left = f"{settings.OPERATOR} · Statement {statement} · Account {statement.account.number}"

    class Numbered(Canvas):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                self.setFont(REGULAR, 8)
                self.setFillColor(INK_SOFT)
                self.drawString(MARGIN + PADDING, MARGIN, left)
                self.drawRightString(letter[0] - MARGIN - PADDING, MARGIN, f"Page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return Numbered
