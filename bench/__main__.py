"""``make bench``: run every measurement on a database of its own and print one table."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcentric.settings")
os.environ["LOG_LEVEL"] = "ERROR"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from bench import cards, checkout, coverage, faq, first_page, ledger, month, stock, wanted  # noqa: E402

MEASURES = (stock, ledger, checkout, cards, month, wanted, coverage, faq, first_page)


def main() -> int:
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        call_command("load_catalog", verbosity=0)
        call_command("load_taxes", verbosity=0)
        found = [line for measure in MEASURES for line in measure.run()]
    finally:
        teardown_databases(databases, verbosity=0)
    width = max(len(line.what) for line in found)
    for line in found:
        print(f"{'ok  ' if line.holds else 'FAIL'}  {line.what:<{width}}  {line.measured}  (promised: {line.promise})")
    return 0 if all(line.holds for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
