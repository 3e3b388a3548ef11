"""Files of numbers: what is read, what is refused and why, and that nothing is half-loaded."""

import threading
from datetime import date

import psycopg
import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, transaction

from callcentric.celery import app
from phone_numbers import stock_files, stock_loading, tasks
from phone_numbers.models import PhoneNumber, Prefix, RateCenter, StockLoad
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory

TODAY = date(2027, 1, 11)
HEADER = b"number,area\n"


@pytest.fixture(autouse=True)
def places(db) -> RateCenter:
    """Albany with an exchange, all of area code 202 as Washington, and London."""
    albany = RateCenterFactory()
    dc = RegionFactory(code="DC", name="District of Columbia")
    britain = RegionFactory(country="GB", code="GB", name="United Kingdom")
    Prefix.objects.create(rate_center=albany, digits="1518207")
    Prefix.objects.create(rate_center=RateCenterFactory(region=dc, name="Washington"), digits="1202")
    Prefix.objects.create(rate_center=RateCenterFactory(region=britain, name="London"), digits="4420")
    return albany


def load(content: bytes, **more) -> StockLoad:
    waiting = StockLoad.objects.create(name="numbers.csv", content=content)
    stock_loading.load(waiting.pk, today=TODAY, **more)
    waiting.refresh_from_db()
    return waiting


def problems(content: bytes) -> list[tuple[int, str]]:
    """What is wrong with a file; nothing of it is loaded."""
    before = PhoneNumber.objects.count()
    file = load(content)
    assert (file.state, file.numbers, file.unlisted) == (StockLoad.State.REFUSED, 0, 0)
    assert PhoneNumber.objects.count() == before
    return [tuple(problem) for problem in file.problems]


def in_stock() -> dict[str, str]:
    return {number.digits: str(number.rate_center) for number in PhoneNumber.objects.select_related("rate_center")}


class TestNumbers:
    @pytest.mark.parametrize(
        ("typed", "digits"),
        [
            ("5185550100", "15185550100"),
            ("15185550100", "15185550100"),
            ("+15185550100", "15185550100"),
            ("(518) 555-0100", "15185550100"),
            ("+1 518.555.0100", "15185550100"),
            ("1-518-555-0100", "15185550100"),
            ("518\u00a0555\u20110100", "15185550100"),
            ("518/555 0100", "15185550100"),
            ("+44 20 7946 0000", "442079460000"),
            ("+1 416 555 0100", "14165550100"),
        ],
    )
    def test_as_people_write_them(self, typed, digits):
        assert stock_files.digits_of(typed) == digits

    @pytest.mark.parametrize(
        ("typed", "reason"),
        [
            ("", "“” is not a phone number."),
            ("foo", "“foo” is not a phone number."),
            ("1.5185550100E+10", "“1.5185550100E+10” is not a phone number."),
            ("٥١٨٥٥٥٠١٠٠", "“٥١٨٥٥٥٠١٠٠” is not a phone number."),
            ("1777 234 5678", "1777 234 5678 begins with 1777: that is an account, not a phone number."),
            ("777 234 5678", "777 234 5678 begins with 1777: that is an account, not a phone number."),
            ("555-0100", "555-0100 is not a North American number. Write others with + and the country's code."),
            (
                "118 555 0100",
                "118 555 0100 is not a North American number. Write others with + and the country's code.",
            ),
            (
                "442079460000",
                "442079460000 is not a North American number. Write others with + and the country's code.",
            ),
            ("+210 5550100", "+210 5550100 is not a phone number of any country."),
            ("+1 518 155 0100", "+1 518 155 0100 is not a phone number of any country."),
            ("+4420794600001234567", "+4420794600001234567 is not a phone number of any country."),
        ],
    )
    def test_what_is_none(self, typed, reason):
        with pytest.raises(stock_files.BadLine) as bad:
            stock_files.digits_of(typed)
        assert str(bad.value) == reason


class TestPlaces:
    def test_the_area_that_is_named_or_the_longest_known_prefix(self):
        content = b"""number,area
(518) 207-0100,
(518) 208-0101,"Washington, DC"
202-555-0100,
+44 20 7946 0000,
518-555-0100,"Albany, New York"
518-555-0101,"albany , ny"
"""
        file = load(content)
        assert (file.state, file.numbers, file.problems) == (StockLoad.State.LOADED, 6, [])
        assert in_stock() == {
            "15182070100": "Albany, NY",
            "15182080101": "Washington, DC",
            "12025550100": "Washington, DC",
            "442079460000": "London, United Kingdom",
            "15185550100": "Albany, NY",
            "15185550101": "Albany, NY",
        }

    def test_numbers_come_into_stock_today_and_are_counted(self, places):
        load(b"number\n5182070100\n5182070101\n")
        assert set(PhoneNumber.objects.values_list("state", "in_stock_since", "note")) == {("in_stock", TODAY, "")}
        assert RateCenter.objects.with_stock().get(pk=places.pk).stock == 2

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("5185550100,", "We do not know where (518) 555-0100 is. Name its area in a column “area”."),
            (
                '5185550100,"Albani, NY"',
                "We know no area “Albani, NY”. Name it with its state, province or country: Albany, NY.",
            ),
            (
                '+442079460000,"Albany, NY"',
                "+44 20 7946 0000 is not a number of the country that Albany, NY is in.",
            ),
            (
                '5182070100,"Washington, DC"',
                "(518) 207-0100 is a number of Albany, NY, and not of Washington, DC.",
            ),
            (
                "5185550100,Albany, NY",
                "This line has 3 fields, the first has 2. Put quotes around an area that has a comma in it.",
            ),
        ],
    )
    def test_what_has_no_place(self, line, reason):
        assert problems(HEADER + line.encode()) == [(2, reason)]


class TestFiles:
    @pytest.mark.parametrize(
        "content",
        [
            b"number\n5182070100\n",
            b"number\n5182070100",
            b"number\r\n5182070100\r\n",
            b"\xef\xbb\xbfNumber\n\n5182070100\n\n",
            b'area;number\n"Albany, NY";518 207 0100\n',
            b"area;number\r\nAlbany, NY;518 207 0100\r\n;\r\n",
            b'"number","area"\n"5182070100"\n',
        ],
    )
    def test_that_are_read(self, content):
        assert (load(content).state, in_stock()) == ("loaded", {"15182070100": "Albany, NY"})

    @pytest.mark.parametrize(
        ("content", "line", "reason"),
        [
            (b"", 1, "The file is empty."),
            (b" \r\n \n", 1, "The file is empty."),
            (b"\xef\xbb\xbf", 1, "The file is empty."),
            (b"\xef\xbb\xbf\r\n", 1, "The file is empty."),
            (b"number\n\n", 1, "There are no numbers in the file."),
            (b"5182070100\n", 1, "The first line must name the columns: number and, if you like, area."),
            (b"area\n", 1, "The first line must name the columns: number and, if you like, area."),
            (
                b"number,aera\n",
                1,
                "There is a column “aera” too many. The columns are number and, if you like, area.",
            ),
            (
                b"number,number\n",
                1,
                "There is a column “number” too many. The columns are number and, if you like, area.",
            ),
            (
                'number,area\n5182070100,"Montréal, QC"\n'.encode("latin-1"),
                2,
                "This is not UTF-8. Save the file as “CSV UTF-8” and load it again.",
            ),
            (
                "number\n5182070100\n".encode("utf-16"),
                1,
                "This is not UTF-8. Save the file as “CSV UTF-8” and load it again.",
            ),
            (b"number\n518\x00\n", 2, "There is a NUL byte. Save the file as “CSV UTF-8” and load it again."),
            (
                b'number\n5182070100\n"5182070101\n',
                3,
                "The file cannot be read from here on (unexpected end of data). Look for quotes.",
            ),
        ],
    )
    def test_that_are_refused(self, content, line, reason):
        assert problems(content) == [(line, reason)]

    def test_what_was_read_before_a_file_breaks_is_not_loaded(self):
        assert len(problems(b'number\n5182070100\nfoo\n"5182070101\n')) == 2

    def test_duplicates_in_the_file_and_in_the_stock(self):
        PhoneNumberFactory(digits="15182070100")
        content = b"number\n5182070101\n5182070100\nfoo\n(518) 207-0101\n+15182070101\n5182070102\n"
        assert problems(content) == [
            (3, "(518) 207-0100 is in the stock already."),
            (4, "“foo” is not a phone number."),
            (5, "(518) 207-0101 is on line 2 already."),
            (6, "(518) 207-0101 is on line 2 already."),
        ]

    def test_the_list_of_problems_ends_after_a_thousand(self):
        bad = "".join(f"x{n}\n" for n in range(9_000))
        twice = "5182070100\n" * 1_501
        file = load(f"number\n{bad}{twice}".encode())
        assert (file.problem_count, len(file.problems), file.unlisted) == (10_500, 1_000, 9_500)
        assert file.problems[0] == [2, "“x0” is not a phone number."]
        assert file.problems[-1] == [1001, "“x999” is not a phone number."]

    def test_duplicates_fill_the_list_too(self):
        file = load(b"number\n" + b"5182070100\n" * 2_001)
        assert (file.problem_count, len(file.problems)) == (2_000, 1_000)
        assert file.problems[-1] == [1002, "(518) 207-0100 is on line 2 already."]

    def test_a_file_loads_once(self):
        file = load(b"number\n5182070100\n")
        assert stock_loading.load(file.pk, today=TODAY) is None
        assert PhoneNumber.objects.count() == 1

    def test_loading_it_again_finds_it_in_stock(self):
        load(b"number\n5182070100\n")
        assert problems(b"number\n5182070100\n") == [(2, "(518) 207-0100 is in the stock already.")]

    @pytest.mark.parametrize("error", [RuntimeError("a defect"), IntegrityError("some_other_constraint")])
    def test_a_fault_of_ours_refuses_the_file_and_is_logged(self, error, caplog):
        def fail(percent: int) -> None:
            raise error

        file = load(b"number\n5182070100\n", report=fail)
        assert (file.state, file.problems) == ("refused", [[1, stock_loading.OUR_FAULT]])
        assert [record.msg["event"] for record in caplog.records] == ["file of numbers failed"]

    def test_progress_is_told_to_the_end(self, monkeypatch):
        monkeypatch.setattr(stock_loading, "LINES_A_STATEMENT", 10)
        told: list[int] = []
        load(b"number\n" + b"".join(b"518207%04d\n" % n for n in range(40)), report=told.append)
        assert told == [0, 20, 39, 59, 78, 98]
        assert PhoneNumber.objects.count() == 40

    def test_whoever_does_not_ask_for_progress_finds_it_in_the_cache(self):
        file = load(b"number\n5182070100\n")
        assert file.percent == 20
        cache.clear()
        assert file.percent is None


class TestCommand:
    def test_loads_a_file(self, tmp_path, capsys):
        (tmp_path / "a.csv").write_bytes(b"number\n5182070100\n")
        call_command("load_numbers", str(tmp_path / "a.csv"))
        assert capsys.readouterr().out == "\r  0 %\r 20 %\n1 numbers loaded from a.csv.\n"
        assert StockLoad.objects.get().name == "a.csv"

    def test_says_what_is_wrong_and_fails(self, tmp_path, capsys):
        (tmp_path / "a.csv").write_bytes(b"number\nfoo\n")
        with pytest.raises(CommandError, match="^Nothing was loaded: 1 problem.$"):
            call_command("load_numbers", str(tmp_path / "a.csv"))
        assert capsys.readouterr().out == "\r  0 %\nLine 2: “foo” is not a phone number.\n"
        assert StockLoad.objects.get().state == "refused"

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(CommandError, match="cannot be read: No such file or directory"):
            call_command("load_numbers", str(tmp_path / "a.csv"))


class TestTasks:
    @pytest.fixture(autouse=True)
    def eager(self):
        app.conf.task_always_eager = True
        yield
        app.conf.task_always_eager = False

    def test_the_sweep_takes_up_every_file_that_waits(self):
        for line in (b"5182070100", b"foo", b"5182070101"):
            StockLoad.objects.create(name="a.csv", content=b"number\n" + line)
        tasks.load_files()
        assert list(StockLoad.objects.order_by("pk").values_list("state", flat=True)) == [
            "loaded",
            "refused",
            "loaded",
        ]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_a_crash_leaves_the_file_waiting_and_it_loads_once(self, monkeypatch):
        file = StockLoad.objects.create(name="a.csv", content=b"number\n5182070100\n5182070101\n")
        monkeypatch.setattr(stock_loading, "LINES_A_STATEMENT", 2)
        told = []

        def crash(percent: int) -> None:
            told.append(percent)
            if len(told) == 3:
                raise SystemExit

        with pytest.raises(SystemExit):
            stock_loading.load(file.pk, today=TODAY, report=crash)
        file.refresh_from_db()
        assert (told, file.state, PhoneNumber.objects.count()) == ([0, 20, 73], "waiting", 0)
        assert stock_loading.load(file.pk, today=TODAY).numbers == 2
        assert stock_loading.load(file.pk, today=TODAY) is None

    @pytest.mark.parametrize("when", [0, 19])
    def test_a_lost_connection_leaves_the_file_waiting(self, when):
        # So many that progress is told inside the COPY too.
        file = StockLoad.objects.create(name="a.csv", content=b"number\n" + b"5182070100\n" * 20_000)

        def cut_off(percent: int) -> None:
            if percent == when:
                with psycopg.connect(**connection.get_connection_params()) as other:
                    other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

        with pytest.raises(OperationalError):
            stock_loading.load(file.pk, today=TODAY, report=cut_off)
        connection.close()
        file.refresh_from_db()
        assert file.state == "waiting"

    def test_two_workers_load_one_file_once(self):
        file = StockLoad.objects.create(name="a.csv", content=b"number\n5182070100\n")
        inside, done = threading.Event(), threading.Event()
        found = []

        def slow(percent: int) -> None:
            inside.set()
            done.wait(10)

        def go() -> None:
            found.append(stock_loading.load(file.pk, today=TODAY, report=slow).numbers)
            connection.close()

        first = threading.Thread(target=go)
        first.start()
        inside.wait(10)
        second = stock_loading.load(file.pk, today=TODAY)
        done.set()
        first.join()
        assert (second, found, PhoneNumber.objects.count()) == (None, [1], 1)

    def test_a_number_that_is_added_meanwhile_keeps_the_file_waiting_then_it_is_told(self, places):
        file = StockLoad.objects.create(name="a.csv", content=b"number\n5182070100\n5182070101\n")

        def meanwhile(percent: int) -> None:
            if percent == 20:
                thread = threading.Thread(target=add)
                thread.start()
                thread.join()

        def add() -> None:
            with transaction.atomic():
                PhoneNumberFactory(digits="15182070101", rate_center=places)
            connection.close()

        assert stock_loading.load(file.pk, today=TODAY, report=meanwhile) is None
        again = stock_loading.load(file.pk, today=TODAY)
        assert (again.state, again.problems) == ("refused", [(3, "(518) 207-0101 is in the stock already.")])
        assert PhoneNumber.objects.count() == 1
