"""Services end: with their paid month when the customer cancels, at once when staff do; until then they may be kept."""

from datetime import date, timedelta

import pytest
from post_office.models import Email

from accounts.models import AuditEntry
from billing import ending
from billing.ending import CannotCancel, CannotKeep
from billing.models import Service
from phone_numbers.models import PhoneNumber
from tests.billing.month import FEBRUARY, MARCH, at_noon, hold_911, hold_plan
from tests.factories import AddressFactory, hold_number
from tests.orders.channels import hold_channels, wait_for_number

pytestmark = pytest.mark.usefixtures("catalog")

THE_12TH, THE_26TH, LAST_DAY = date(2027, 1, 12), date(2027, 1, 26), date(2027, 1, 31)


def cancel(service: Service, on: date = THE_12TH) -> Service:
    return ending.cancel(service, today=on, now=at_noon(on))


def end_over(on: date = FEBRUARY) -> int:
    return ending.end_what_is_over(today=on, now=at_noon(on))


def ended(account) -> list[tuple]:
    services = Service.objects.filter(account=account, state="cancelled").order_by("pk")
    return list(services.values_list("kind", "reason", "cancelled_on"))


def mails() -> list[str]:
    return list(Email.objects.order_by("pk").values_list("subject", flat=True))


class TestCancel:
    def test_it_ends_with_its_paid_month_and_an_email_says_until_when_it_can_be_kept(self, alice):
        number = hold_number(alice)

        cancel(number)

        number.refresh_from_db()
        assert (number.state, number.is_ending, number.paid_until) == ("active", True, LAST_DAY)
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == ([alice.user.email], f"{number.phone_number} ends on 31 January 2027")
        assert (
            f"You can take this back until 31 January 2027: http://127.0.0.1:8000/services/{number.pk}/" in mail.message
        )

    def test_twice_is_once(self, alice):
        number = hold_number(alice)
        cancel(number)
        asked = Service.objects.get().ending_asked_at

        cancel(number, THE_26TH)

        assert (Service.objects.get().ending_asked_at, len(mails())) == (asked, 1)

    @pytest.mark.parametrize(
        ("day", "again"),
        [
            (date(2027, 1, 27), "1 February 2027"),
            (date(2027, 1, 31), "1 February 2027"),
            (date(2027, 2, 28), "1 March 2027"),
            (date(2028, 2, 29), "1 March 2028"),
            (date(2027, 12, 31), "1 January 2028"),
        ],
    )
    def test_not_from_the_27th_to_the_end_of_the_month(self, alice, day, again):
        plan = hold_plan(alice, paid_until=date(2028, 12, 31))
        with pytest.raises(CannotCancel, match=f"You can cancel again from {again}."):
            cancel(plan, day)
        assert (Service.objects.get().ending_asked_at, mails()) == (None, [])

    @pytest.mark.parametrize("day", [date(2027, 1, 1), THE_26TH, date(2027, 2, 26), date(2027, 2, 1)])
    def test_on_any_other_day(self, alice, day):
        assert cancel(hold_plan(alice, paid_until=date(2027, 2, 28)), day).is_ending

    def test_911_is_not_cancelled_alone(self, alice):
        with pytest.raises(CannotCancel, match="911 ends by itself with your last rate plan or phone number"):
            cancel(hold_911(alice))

    def test_a_number_that_has_not_come_is_withdrawn_instead(self, alice):
        with pytest.raises(CannotCancel, match="Withdraw the order instead"):
            cancel(wait_for_number(alice))

    def test_what_has_ended_is_not_cancelled(self, alice):
        plan = hold_plan(alice, state="cancelled", cancelled_on=THE_12TH, reason="staff")
        with pytest.raises(CannotCancel, match="This service has ended already."):
            cancel(plan)


class TestKeep:
    @pytest.mark.parametrize("day", [THE_12TH, date(2027, 1, 27), LAST_DAY])
    def test_up_to_the_last_paid_day(self, alice, day):
        plan = cancel(hold_plan(alice))
        assert not ending.keep(plan, today=day).is_ending
        assert (end_over(), Service.objects.get().state) == (0, "active")

    def test_not_after_it_even_where_the_run_is_late(self, alice):
        plan = cancel(hold_plan(alice))
        with pytest.raises(CannotKeep, match="This service has ended already. You can order it again"):
            ending.keep(plan, today=FEBRUARY)
        assert Service.objects.get().is_ending

    def test_not_once_it_has_ended(self, alice):
        plan = cancel(hold_plan(alice))
        end_over()
        with pytest.raises(CannotKeep):
            ending.keep(plan, today=LAST_DAY)

    def test_what_was_not_cancelled_stays_as_it_is(self, alice):
        assert not ending.keep(hold_plan(alice), today=THE_12TH).is_ending

    def test_a_channel_is_kept_with_its_number_alone(self, alice):
        number = hold_number(alice)
        (channel,) = hold_channels(number, 1)
        cancel(channel), cancel(number)

        with pytest.raises(CannotKeep, match="Keep the number first."):
            ending.keep(channel, today=THE_12TH)
        ending.keep(number, today=THE_12TH)

        assert not ending.keep(channel, today=THE_12TH).is_ending


class TestWhatIsOver:
    def test_a_number_ends_with_its_channels_and_is_kept_for_its_holder(self, alice):
        number = hold_number(alice)
        hold_channels(number, 2)
        cancel(number)

        assert end_over(LAST_DAY) == 0
        assert end_over() == 3

        assert ended(alice) == [("did", "customer", LAST_DAY)] + [("channel", "customer", LAST_DAY)] * 2
        kept = PhoneNumber.objects.get()
        assert (kept.state, kept.last_holder, kept.disconnected_on) == (PhoneNumber.State.KEPT, alice, LAST_DAY)
        assert mails()[1:] == ["Services that ended on 31 January 2027"]
        assert end_over() == 0

    def test_a_channel_ends_by_itself_and_its_number_goes_on(self, alice):
        number = hold_number(alice)
        first, _ = hold_channels(number, 2)
        cancel(first)

        assert end_over() == 1
        assert [each.slot for each in number.channels.held()] == [2]
        assert Service.objects.get(pk=number.pk).state == "active"

    def test_however_late_it_is_found_it_ended_with_its_last_paid_day(self, alice):
        cancel(hold_number(alice))
        assert end_over(date(2027, 2, 20)) == 1
        assert (ended(alice), PhoneNumber.objects.get().disconnected_on) == ([("did", "customer", LAST_DAY)], LAST_DAY)

    def test_what_ends_on_other_days_says_each_its_own(self, alice):
        cancel(hold_number(alice, paid_until=date(2027, 2, 28)))
        cancel(hold_plan(alice))

        assert end_over(MARCH) == 2
        assert ended(alice) == [("did", "customer", date(2027, 2, 28)), ("plan", "customer", LAST_DAY)]

    def test_911_ends_with_the_last_that_called_for_it(self, alice):
        alice.service_address = AddressFactory()
        alice.save()
        number, plan = hold_number(alice), hold_plan(alice)
        hold_911(alice)
        cancel(plan)

        assert (end_over(), Service.objects.get(kind="e911").state) == (1, "active")
        Service.objects.filter(state="active").update(paid_until=date(2027, 2, 28))
        cancel(number, date(2027, 2, 3))
        end_over(MARCH)

        assert ended(alice)[-1] == ("e911", "not_needed", date(2027, 2, 28))
        assert "Your 911 service has ended" in mails()

    def test_one_account_that_cannot_be_dealt_with_keeps_nobody_waiting(self, alice, bob):
        alice.user.email = "no address"
        alice.user.save()
        Service.objects.filter(pk__in=[hold_plan(alice).pk, hold_plan(bob).pk]).update(
            ending_asked_at=at_noon(THE_12TH)
        )

        assert (end_over(), ended(alice), len(ended(bob))) == (1, [], 1)


class TestAtOnce:
    def test_staffs_cancellation_takes_effect_today_and_an_email_says_so(self, alice, sam):
        number, plan = hold_number(alice), hold_plan(alice)
        hold_channels(number, 1)

        gone = ending.end_at_once(number, reason=Service.Reason.VIOLATION, by=sam, now=at_noon(THE_12TH))

        assert [each.kind for each in gone] == ["did", "channel"]
        assert ended(alice) == [("did", "violation", THE_12TH), ("channel", "violation", THE_12TH)]
        assert PhoneNumber.objects.get().disconnected_on == THE_12TH
        assert mails() == ["Services that ended on 12 January 2027"]
        assert Service.objects.get(pk=plan.pk).state == "active"
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.by, entry.account, entry.reason, entry.details) == (
            "service",
            sam,
            alice,
            "Violation of the terms",
            f"{number.title}, An extra channel on {number.phone_number}",
        )

    def test_what_has_ended_stays_as_it_ended(self, alice, sam):
        plan = cancel(hold_plan(alice))
        end_over()

        assert ending.end_at_once(plan, reason="staff", by=sam, now=at_noon(FEBRUARY + timedelta(days=2))) == []
        assert (ended(alice), len(mails())) == ([("plan", "customer", LAST_DAY)], 2)

    def test_it_may_be_done_while_the_cycle_collects(self, alice, sam):
        assert ending.end_at_once(hold_plan(alice), reason="staff", by=sam, now=at_noon(date(2027, 1, 29)))
        assert ended(alice) == [("plan", "staff", date(2027, 1, 29))]
