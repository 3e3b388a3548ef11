"""What our answers say is true of the portal: their links, their words in bold, their dates and prices."""

import re
import tomllib
from functools import cache
from html import unescape
from pathlib import Path

import pytest

from billing import deposits, months
from billing.models import CHANNELS_PER_NUMBER
from billing.split import SMALLEST_CARD_CHARGE
from catalog.loading import PRODUCTS
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER
from support.faq import rendering
from support.faq.loading import CONTENT, read
from support.faq.models import FaqQuestion
from tests.support.faq.conftest import TODAY

ROOT = Path(__file__).resolve().parents[3]
# Pages that answers link to and that are not there yet: until then their words stand there without a link.
PAGES_TO_COME: set[str] = set()
# Words in bold that stand on those pages.
WORDS_TO_COME: set[str] = set()
ENTRIES = {
    f"{path.parent.name}/{path.stem.partition('-')[2]}": read(path.read_text(), slug=path.stem, position=1)
    for path in CONTENT.rglob("*.md")
}
PER_CATEGORY = {
    "products-and-services": 10,
    "billing": 7,
    "phone-numbers": 5,
    "rate-plans": 5,
    "signup-and-login": 5,
    "online-account-management": 5,
    "security": 5,
    "911": 5,
    "general": 5,
}


@cache
def words_of_the_portal() -> str:
    """Everything that templates and forms can show, in one text."""
    templates = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    titles = re.findall(r'title="([^"]+)"', "".join(templates))
    # Without what fills in a page: "Cancel {{ service.title }}" begins with "Cancel".
    shown = [re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text) for text in templates]
    labels = [path.read_text() for app in ("accounts", "billing", "orders") for path in (ROOT / app).rglob("*.py")]
    products = [product["name"] for product in tomllib.loads(PRODUCTS.read_text())["products"]]
    return unescape(re.sub(r"\s+", " ", "\n".join([*shown, *titles, *labels, *products])))


def test_every_category_has_its_questions():
    found = {}
    for name in ENTRIES:
        category = name.split("/")[0]
        found[category] = found.get(category, 0) + 1
    assert found == PER_CATEGORY
    assert list(tomllib.loads((CONTENT / "categories.toml").read_text())) == list(PER_CATEGORY)


@pytest.mark.parametrize("name", sorted(ENTRIES))
class TestEachAnswer:
    def test_its_links_lead_somewhere(self, name):
        entry = ENTRIES[name]
        targets = rendering.targets(entry.answer) + [f"page:{line.split()[0]}" for line in entry.links.splitlines()]
        nowhere = {target for target in targets if rendering.address_of(target) is None}
        assert nowhere - {f"page:{page}" for page in PAGES_TO_COME} == set()

    def test_other_answers_that_it_names_are_there(self, name):
        others = {each.removeprefix("faq:") for each in rendering.targets(ENTRIES[name].answer) if each[:4] == "faq:"}
        assert others - set(ENTRIES) == set()

    def test_it_names_a_page_to_go_to(self, name):
        assert ENTRIES[name].links != ""

    def test_its_words_in_bold_stand_on_a_page(self, name):
        portal = words_of_the_portal()
        bold = {words.rstrip(".") for words in re.findall(r"\*\*(.+?)\*\*", ENTRIES[name].answer)}
        assert {words for words in bold if words not in portal} - WORDS_TO_COME == set()


def test_all_are_made_into_pages(faq):
    prices = rendering.prices(TODAY)
    made = {q.slug: rendering.as_html(rendering.filled(q.answer, prices)) for q in FaqQuestion.objects.published()}
    assert len(made) == len(ENTRIES)
    # Nothing is left of Markdown, and no price is missing.
    signs = ("**", "](", "{price", "##", rendering.NO_PRICE)
    assert {(slug, sign) for slug, html in made.items() for sign in signs if sign in html} == set()


def test_dates_and_limits_are_those_of_the_code():
    def says(name: str, *words: str) -> list[str]:
        return [each for each in words if each not in ENTRIES[name].answer]

    days, last = KEPT_FOR_LAST_HOLDER.days, KEPT_FOR_LAST_HOLDER.days - 1
    assert (
        says(
            "products-and-services/get-back-a-lost-number",
            f"kept for you for {days} days",
            f"Fewer than {days} days",
            f"until day {last}",
            f"To the {months.NO_SETUP_FEE_FOR.days}th day",
            "from the 1st to the 19th",
        )
        + says("products-and-services/reorder-after-failed-rebilling", f"until {last} days after it ended")
        + says("phone-numbers/keep-my-number-after-cancelling", f"{days} days", f"from the {days}th day on")
        + says("billing/when-am-i-billed", f"The {months.CYCLE_STARTS_ON_DAY}th")
        + says("rate-plans/cancel-my-plan", f"From the {months.CYCLE_STARTS_ON_DAY}th to the end of a month")
        + says("products-and-services/add-extra-channels", f"up to {CHANNELS_PER_NUMBER} on one number")
        + says("billing/add-funds", f"${deposits.SMALLEST:.0f} to ${deposits.A_DAY:.0f} a day")
        + says("billing/balance-or-card", f"${SMALLEST_CARD_CHARGE}")
        == []
    )
