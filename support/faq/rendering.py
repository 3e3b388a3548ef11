"""Makes pages of answers: Markdown, links to the portal's pages by their names, prices as the catalogue has them.

What is the same for everybody is made once and kept: ``as_html`` depends on its text alone.
"""

import html
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

import nh3
from django.urls import NoReverseMatch, reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from callcentric.templatetags.show import rate, usd
from catalog.models import Price, Product

# How many answers each process keeps ready.
KEPT = 1000
TAGS = {"p", "ul", "ol", "li", "strong", "em", "a", "h2", "h3", "h4", "code", "pre", "blockquote", "br", "hr"}
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
PRICE = re.compile(rf"\{{price:([a-z0-9-]+):({'|'.join(Price.AMOUNTS)})\}}")
# What stands where the catalogue has no such price: the pages that are linked beside it say what it costs.
NO_PRICE = "the price on the order page"

# HTML is text here. Pictures are left out: they could tell others who reads what.
_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")


def prices(on: date) -> dict[tuple[str, str], str]:
    """Each price in force on ``on`` as it is written, by its product's code and its name. One query."""
    rows = Product.objects.with_prices(on).values_list("code", *Price.AMOUNTS)
    return {
        (code, name): usd(amount) if name in ("monthly", "setup") else rate(amount)
        for code, *amounts in rows
        for name, amount in zip(Price.AMOUNTS, amounts, strict=True)
        if amount is not None
    }


def filled(text: str, prices: Mapping[tuple[str, str], str]) -> str:
    """``text`` with the prices that it asks for: ``{price:pay-per-minute:monthly}``."""
    return PRICE.sub(lambda found: prices.get((found[1], found[2]), NO_PRICE), text)


@lru_cache(maxsize=KEPT)
def as_html(text: str) -> SafeString:
    """Markdown as safe HTML, its headings below the page's own."""
    tokens = _markdown.parse(text)
    _lower_headings(tokens)
    for token in tokens:
        if token.children:
            token.children = _linked(token.children)
    made = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(made, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None)
    return mark_safe(clean)  # noqa: S308 (nh3 has let through what is listed above)


@lru_cache(maxsize=KEPT)
def as_text(text: str) -> str:
    """The words of Markdown alone, as a line."""
    return " ".join(html.unescape(strip_tags(as_html(text))).split())


def address_of(target: str) -> str | None:
    """Where a link of an answer goes; None for a page that does not exist, and for anything that is no link of ours.

    ``page:billing`` and ``page:profile#security`` are pages of the portal by their names, ``faq:billing/add-funds`` is
    another answer. Addresses outside are written out. Paths of ours are not: a page that moves would leave them behind.
    """
    kind, _, name = target.partition(":")
    if kind in SCHEMES and name:
        return target
    if kind not in ("page", "faq"):
        return None
    name, hash_sign, place = name.partition("#")
    try:
        path = reverse(name) if kind == "page" else reverse("faq_question", args=name.split("/"))
    except NoReverseMatch:
        return None
    return f"{path}{hash_sign}{place}"


def targets(text: str) -> list[str]:
    """What an answer links to, as it is written there."""
    children = (child for token in _markdown.parse(text) for child in token.children or [])
    return [str(child.attrs["href"]) for child in children if child.type == "link_open"]


def pages(links: str) -> list[tuple[str, str]]:
    """The pages to go to, of FaqQuestion.links: address and words of each that exists."""
    found = []
    for line in links.splitlines():
        name, _, words = line.strip().partition(" ")
        address = address_of(f"page:{name}")
        if address and words:
            found.append((address, words.strip()))
    return found


def _lower_headings(tokens: Iterable[Token]) -> None:
    """The highest heading of an answer becomes an h2, and those below it follow."""
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1]) for token in headings), default=0)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) - highest + 2, 4)}"


def _linked(tokens: list[Token]) -> list[Token]:
    """The same with real addresses; a link to nowhere becomes its words."""
    kept, opened = [], []
    for token in tokens:
        if token.type == "link_open":
            address = address_of(str(token.attrs["href"]))
            opened.append(address)
            if address:
                token.attrs = {"href": address}
        # Links do not nest, but what belongs to which is plain this way.
        if token.type in ("link_open", "link_close"):
            address = opened[-1] if token.type == "link_open" else opened.pop()
            if not address:
                continue
        kept.append(token)
    return kept
