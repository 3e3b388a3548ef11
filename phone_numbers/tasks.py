"""Background work of the stock: what time brings back into it, its counts, and files that staff load."""

import structlog
from celery import shared_task

from callcentric import clock
from phone_numbers import stock, stock_loading
from phone_numbers.models import StockLoad

log = structlog.get_logger(__name__)


@shared_task
def end_holds() -> None:
    ended = stock.end_holds(now=clock.now())
    if ended:
        log.info("holds of carts ended", numbers=ended)


@shared_task
def count_up() -> None:
    places = stock.count_up()
    if places:
        log.info("stock counted up", places=places)


@shared_task
def return_to_stock() -> None:
    returned = stock.return_to_stock(today=clock.today())
    if returned:
        log.info("numbers returned to stock after 45 days", numbers=returned)


@shared_task
def load_file(*, load_id: int) -> None:
    file = stock_loading.load(load_id, today=clock.today())
    if file:
        log.info("file of numbers ended", file=file.pk, state=file.state, numbers=file.numbers)


@shared_task
def load_files() -> None:
    """A task for each, so that one file that cannot be loaded does not keep back the others."""
    for load_id in StockLoad.objects.waiting().values_list("pk", flat=True):
        load_file.delay(load_id=load_id)
