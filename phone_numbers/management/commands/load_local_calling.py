"""Load a CSV file of local calling areas: which places are a local call from which."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from phone_numbers.local_calling import FileRefused, import_local_calling


class Command(BaseCommand):
    help = 'Adds pairs of places from a CSV file with the heading from,to: "Albany, NY","Troy, NY". All or nothing.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--both-ways", action="store_true", help="each pair is local in both directions")

    def handle(self, *args: Any, file: Path, both_ways: bool = False, **options: Any) -> None:
        try:
            with file.open("rb") as content:
                added = import_local_calling(content, both_ways=both_ways, say=self.stdout.write)
        except OSError as problem:
            raise CommandError(f"{file} cannot be read: {problem.strerror}.") from None
        except FileRefused as refused:
            raise CommandError("\n".join([*refused.messages, "Nothing was loaded."])) from None
        self.stdout.write(f"Local calling: {added:,} pair{pluralize(added)} added.")
