"""What staff do with the stock: look up, add, take out, upload a file; and that nobody else does."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from callcentric import clock
from callcentric.celery import app
from phone_numbers import stock
from phone_numbers.admin import paginator
from phone_numbers.admin.places import RateCenterAdmin
from phone_numbers.models import LocalCalling, PhoneNumber, Prefix, RateCenter, StockLoad, WaitTime
from tests.factories import PhoneNumberFactory, RateCenterFactory

State = PhoneNumber.State
NUMBERS = reverse("admin:phone_numbers_phonenumber_changelist")
ADD_NUMBER = reverse("admin:phone_numbers_phonenumber_add")
ADD_FILE = reverse("admin:phone_numbers_stockload_add")
IMPORT = "/admin/phone_numbers/localcalling/import/"


@pytest.fixture
def albany(db) -> RateCenter:
    return RateCenterFactory()


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def shown(response) -> list[PhoneNumber]:
    return list(response.context["cl"].result_list)


class TestNumbers:
    @pytest.mark.parametrize("typed", ["5185550142", "(518) 555-0142", "+1 518 555 0142", "0142", "555.014"])
    def test_found_by_digits_however_typed(self, sam_client, typed):
        wanted, _ = PhoneNumberFactory(digits="15185550142"), PhoneNumberFactory(digits="15185550199")
        assert shown(sam_client.get(NUMBERS, {"q": typed})) == [wanted]

    def test_found_by_its_holders_1777_number(self, sam_client, alice):
        theirs = PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        PhoneNumberFactory()
        assert shown(sam_client.get(NUMBERS, {"q": alice.number})) == [theirs]

    def test_words_find_none(self, sam_client):
        PhoneNumberFactory()
        assert shown(sam_client.get(NUMBERS, {"q": "Albany"})) == []

    def test_filtered_by_state_and_country(self, sam_client, alice):
        theirs = PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        PhoneNumberFactory()
        wanted = {"state__exact": "assigned", "rate_center__region__country__exact": "US"}
        assert shown(sam_client.get(NUMBERS, wanted)) == [theirs]

    def test_the_holder_is_linked(self, sam_client, alice):
        PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        link = f'<a href="{reverse("admin:accounts_account_change", args=[alice.pk])}">{alice}</a>'
        assert sam_client.get(NUMBERS).content.decode().count(link) == 1

    def test_as_many_queries_for_one_as_for_three(self, sam_client, alice, django_assert_num_queries):
        PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        sam_client.get(NUMBERS)
        with django_assert_num_queries(3):
            sam_client.get(NUMBERS)
        PhoneNumberFactory.create_batch(2, state=State.ASSIGNED, holder=alice)
        with django_assert_num_queries(3):
            sam_client.get(NUMBERS)

    def test_a_long_list_is_estimated(self, sam_client, monkeypatch, albany):
        monkeypatch.setattr(paginator, "COUNTED", 2)
        PhoneNumberFactory.create_batch(3, rate_center=albany)
        pages = paginator.EstimatingPaginator(PhoneNumber.objects.order_by("pk"), 100)
        assert pages.count >= 2
        monkeypatch.setattr(paginator, "COUNTED", 10)
        assert paginator.EstimatingPaginator(PhoneNumber.objects.order_by("pk"), 100).count == 3

    def test_one_is_added_by_hand(self, sam_client, albany):
        response = sam_client.post(ADD_NUMBER, {"digits": "(518) 555-0100", "rate_center": albany.pk})
        assert response.status_code == 302
        number = PhoneNumber.objects.get()
        assert (number.digits, number.rate_center, number.state, number.in_stock_since) == (
            "15185550100",
            albany,
            State.IN_STOCK,
            clock.today(),
        )

    @pytest.mark.parametrize(
        ("typed", "errors"),
        [
            ("", {"digits": ["This field is required."]}),
            ("foo", {"digits": ["“foo” is not a phone number."]}),
            (
                "1777 234 5678",
                {"digits": ["1777 234 5678 begins with 1777: that is an account, not a phone number."]},
            ),
            (
                "+44 20 7946 0000",
                {"rate_center": ["+44 20 7946 0000 is not a number of the country that Albany, NY is in."]},
            ),
            (
                "(212) 207-0100",
                {"rate_center": ["(212) 207-0100 is a number of New York, NY, and not of Albany, NY."]},
            ),
            ("518-555-0199", {"__all__": ["This number is in the stock already."]}),
        ],
    )
    def test_what_cannot_be_added(self, sam_client, albany, typed, errors):
        Prefix.objects.create(rate_center=RateCenterFactory(name="New York"), digits="1212207")
        PhoneNumberFactory(digits="15185550199")
        response = sam_client.post(ADD_NUMBER, {"digits": typed, "rate_center": albany.pk})
        assert response.context["adminform"].form.errors == errors
        assert PhoneNumber.objects.count() == 1

    def test_its_page_shows_all_and_changes_nothing(self, sam_client, alice):
        number = PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        url = reverse("admin:phone_numbers_phonenumber_change", args=[number.pk])
        page = sam_client.get(url)
        assert (page.status_code, page.context["has_change_permission"]) == (200, False)
        assert sam_client.post(url, {"state": State.OUT}).status_code == 403
        delete = reverse("admin:phone_numbers_phonenumber_delete", args=[number.pk])
        assert sam_client.post(delete, {"post": "yes"}).status_code == 403
        number.refresh_from_db()
        assert number.state == State.ASSIGNED


class TestActions:
    def act(self, client, action: str, *numbers: PhoneNumber, reason: str = ""):
        data = {"action": action, "_selected_action": [number.pk for number in numbers], "reason": reason}
        return client.post(NUMBERS, data)

    def test_take_out_and_put_back(self, sam_client, alice):
        free, theirs = PhoneNumberFactory(), PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        response = self.act(sam_client, "take_out", free, theirs, reason="Ported away")
        assert said(response) == ["1 of 2 numbers taken out. Those that customers have stay."]
        free.refresh_from_db()
        assert (free.state, free.note) == (State.OUT, "Ported away")
        response = self.act(sam_client, "put_back", free, theirs)
        assert said(response)[1:] == ["1 of 2 numbers put back into service."]
        free.refresh_from_db()
        assert (free.state, free.note) == (State.IN_STOCK, "")

    @pytest.mark.parametrize(
        ("reason", "problem"),
        [
            ("", "Say why, in at most 200 characters: type it beside the action."),
            ("  ", "Say why, in at most 200 characters: type it beside the action."),
            ("x" * 300, "Say why, in at most 200 characters: type it beside the action."),
            ("Lost\x00", "The reason has a NUL character in it. Type it again beside the action."),
        ],
    )
    def test_taking_out_asks_why(self, sam_client, reason, problem):
        number = PhoneNumberFactory()
        assert said(self.act(sam_client, "take_out", number, reason=reason)) == [problem]
        number.refresh_from_db()
        assert number.state == State.IN_STOCK

    def test_those_who_may_only_look_have_no_actions(self, sam, sam_client):
        sam.is_superuser = False
        sam.save()
        sam.user_permissions.add(Permission.objects.get(codename="view_phonenumber"))
        number = PhoneNumberFactory()
        self.act(sam_client, "take_out", number, reason="Test")
        number.refresh_from_db()
        assert number.state == State.IN_STOCK
        assert sam_client.get(NUMBERS).status_code == 200
        assert sam_client.get(ADD_NUMBER).status_code == 403


def test_disconnects_are_downloaded(sam_client, alice):
    PhoneNumberFactory(digits="15185550100", state=State.KEPT, last_holder=alice, disconnected_on=date(2027, 1, 11))
    response = sam_client.get("/admin/phone_numbers/phonenumber/disconnects.csv/")
    assert response["Content-Type"] == "text/csv"
    assert b"".join(response).decode() == (
        "Telephone Number,Last Permanent Disconnect Date\r\n5185550100,2027-01-11\r\n"
    )


class TestFiles:
    def upload(self, client, content: bytes = b'number,area\n5185550100,"Albany, NY"\n'):
        return client.post(ADD_FILE, {"file": SimpleUploadedFile("numbers.csv", content)})

    @pytest.fixture
    def eager(self):
        app.conf.task_always_eager = True
        yield
        app.conf.task_always_eager = False

    def test_an_upload_wakes_a_task_that_loads_it(
        self, eager, sam, sam_client, albany, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = self.upload(sam_client)
        file = StockLoad.objects.get()
        page = reverse("admin:phone_numbers_stockload_change", args=[file.pk])
        assert (response.status_code, response.url) == (302, page)
        assert (file.name, file.state, file.numbers, file.loaded_by) == ("numbers.csv", "loaded", 1, sam)
        shown = sam_client.get(page)
        assert ("Refresh" in shown, "1 number loaded." in shown.content.decode()) == (False, True)

    def test_without_a_broker_it_waits_for_the_sweep(
        self, broker_away, sam_client, albany, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            assert self.upload(sam_client).status_code == 302
        assert StockLoad.objects.get().state == "waiting"

    def test_its_page_looks_again_while_it_waits(self, sam_client, albany):
        self.upload(sam_client)
        file = StockLoad.objects.get()
        url = reverse("admin:phone_numbers_stockload_change", args=[file.pk])
        waiting = sam_client.get(url)
        assert waiting["Refresh"] == "2"
        assert waiting.content.decode().count("The file waits to be loaded.") == 1
        file.percent = 42
        bar = '<progress id="progress" class="w-full" max="100" value="42">'
        assert sam_client.get(url).content.decode().count(bar) == 1

    def test_a_refused_file_says_why_on_the_page_and_as_csv(
        self, eager, sam_client, albany, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            self.upload(sam_client, b"number\n5185550100\nfoo\n")
        file = StockLoad.objects.get()
        page = sam_client.get(reverse("admin:phone_numbers_stockload_change", args=[file.pk])).content.decode()
        assert page.count("Nothing was loaded: 2 problems.") == 1
        assert page.count("Line 3: “foo” is not a phone number.") == 1
        csv = sam_client.get(reverse("admin:phone_numbers_stockload_problems", args=[file.pk]))
        assert csv.content.decode().splitlines() == [
            "line,problem",
            "2,We do not know where (518) 555-0100 is. Name its area in a column “area”.",
            "3,“foo” is not a phone number.",
        ]

    def test_an_empty_file_is_a_clear_answer_too(self, eager, sam_client, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            self.upload(sam_client, b"")
        assert StockLoad.objects.get().problems == [[1, "The file is empty."]]

    def test_no_file(self, sam_client):
        response = sam_client.post(ADD_FILE, {})
        assert response.context["adminform"].form.errors == {"file": ["This field is required."]}

    def test_a_file_that_is_too_large(self, sam_client, monkeypatch):
        monkeypatch.setattr("phone_numbers.admin.stock_loads.LARGEST", 10)
        response = self.upload(sam_client)
        assert response.context["adminform"].form.errors == {
            "file": ["The file is larger than 64 MB. Split it, each part with the line of columns."]
        }

    def test_they_are_called_what_they_are(self, sam_client):
        apps = sam_client.get(reverse("admin:app_list", args=["phone_numbers"])).context["app_list"]
        assert {model["object_name"]: model["name"] for model in apps[0]["models"]}["StockLoad"] == "Files of numbers"

    def test_the_list_leaves_the_files_themselves_alone(self, sam_client, django_assert_num_queries):
        url = reverse("admin:phone_numbers_stockload_changelist")
        for rows in (1, 3):
            while StockLoad.objects.count() < rows:
                StockLoad.objects.create(name="a.csv", content=b"x")
            with django_assert_num_queries(4) as captured:
                sam_client.get(url)
        assert [query["sql"] for query in captured if '"content"' in query["sql"]] == []


class TestPlaces:
    def test_the_list_shows_what_is_in_stock(self, sam_client, albany, django_assert_num_queries):
        url = reverse("admin:phone_numbers_ratecenter_changelist")
        PhoneNumberFactory.create_batch(2, rate_center=albany)
        for names in ([], ["Troy", "Utica"]):
            [RateCenterFactory(name=name) for name in names]
            with django_assert_num_queries(5):
                response = sam_client.get(url)
        assert [(place.name, place.stock) for place in response.context["cl"].result_list] == [
            ("Albany", 2),
            ("Troy", 0),
            ("Utica", 0),
        ]

    def test_an_edit_leaves_the_count_alone(self, sam_client, albany, monkeypatch):
        """The stock is counted up between reading the place and saving it."""
        PhoneNumberFactory(rate_center=albany)
        save = RateCenterAdmin.save_model

        def later(self, *arguments):
            stock.count_up()
            save(self, *arguments)

        monkeypatch.setattr(RateCenterAdmin, "save_model", later)
        inlines = {f"{name}-{kind}_FORMS": 0 for name in ("prefixes", "offerings") for kind in ("TOTAL", "INITIAL")}
        data = {"name": "New Albany", "region": albany.region_id, "latitude": "42.65", "longitude": "-73.75"}
        url = reverse("admin:phone_numbers_ratecenter_change", args=[albany.pk])
        assert sam_client.post(url, data | inlines).status_code == 302
        albany.refresh_from_db()
        assert (albany.name, albany.latitude, albany.counted) == ("New Albany", 42.65, 1)

    @pytest.mark.parametrize("model", ["region", "prefix", "offering", "localcalling", "waittime"])
    def test_every_other_list_opens(self, sam_client, albany, model):
        Prefix.objects.create(rate_center=albany, digits="1518207")
        LocalCalling.objects.create(rate_center=albany, to=RateCenterFactory(name="Troy"))
        WaitTime.objects.create(shortest=3, longest=10)
        url = reverse(f"admin:phone_numbers_{model}_changelist")
        assert sam_client.get(url).status_code == 200
        assert sam_client.get(reverse(f"admin:phone_numbers_{model}_add")).status_code == 200

    def test_a_wait_is_not_longer_than_itself(self, sam_client, db):
        response = sam_client.post(
            reverse("admin:phone_numbers_waittime_add"), {"country": "US", "shortest": 10, "longest": 3}
        )
        problem = "The longest wait cannot be shorter than the shortest."
        assert response.context["adminform"].form.errors == {"__all__": [problem]}

    def test_the_wait_for_every_other_country_stays(self, sam_client, db):
        default = WaitTime.objects.create(shortest=10, longest=30)
        us = WaitTime.objects.create(country="US", shortest=3, longest=10)
        pages = [reverse("admin:phone_numbers_waittime_delete", args=[wait.pk]) for wait in (default, us)]
        assert [sam_client.post(page, {"post": "yes"}).status_code for page in pages] == [403, 302]
        both = {"action": "delete_selected", "_selected_action": [default.pk], "post": "yes"}
        assert sam_client.post(reverse("admin:phone_numbers_waittime_changelist"), both).status_code == 403
        changed = {"country": "DE", "shortest": 11, "longest": 31}
        sam_client.post(reverse("admin:phone_numbers_waittime_change", args=[default.pk]), changed)
        assert list(WaitTime.objects.values_list("country", "shortest", "longest")) == [("", 11, 31)]

    def test_local_calling_is_imported(self, sam_client, albany):
        troy = RateCenterFactory(name="Troy")
        file = SimpleUploadedFile("local.csv", b'from,to\n"Albany, NY","Troy, NY"\n')
        response = sam_client.post(IMPORT, {"file": file})
        assert (response.status_code, said(response)) == (302, ["1 pair of places added."])
        file.seek(0)
        assert said(sam_client.post(IMPORT, {"file": file, "both_ways": "on"}))[1:] == ["1 pair of places added."]
        assert set(LocalCalling.objects.values_list("rate_center", "to")) == {
            (albany.pk, troy.pk),
            (troy.pk, albany.pk),
        }

    def test_a_file_of_local_calling_that_is_refused(self, sam_client, albany):
        file = SimpleUploadedFile("local.csv", b'from,to\n"Albany, NY","Atlantis, NY"\n')
        response = sam_client.post(IMPORT, {"file": file})
        assert (response.status_code, LocalCalling.objects.count()) == (422, 0)
        assert len(response.context["form"].errors["file"]) == 1
        assert sam_client.get(IMPORT).status_code == 200


@pytest.mark.parametrize(
    "url",
    [NUMBERS, ADD_NUMBER, ADD_FILE, IMPORT, "/admin/phone_numbers/phonenumber/disconnects.csv/"],
)
def test_customers_have_no_way_in(alice_client, url):
    response = alice_client.get(url)
    assert (response.status_code, response.url) == (302, f"/admin/login/?next={url}")


def test_customers_do_not_see_what_was_wrong_with_a_file(alice_client):
    file = StockLoad.objects.create(
        name="a.csv", content=b"", state="refused", problem_count=1, ended_at=clock.now() - timedelta(days=1)
    )
    url = reverse("admin:phone_numbers_stockload_problems", args=[file.pk])
    response = alice_client.get(url)
    assert (response.status_code, response.url) == (302, f"/admin/login/?next={url}")
