"""What staff may do: the roles, what each may see and change, and who has which.

A role is one of Django's groups. Pages and actions ask for a permission and never for a role, so that this table alone
says who does what; ``manage.py load_roles`` writes it into the database as it stands here.
"""

from collections.abc import Collection, Iterable, Mapping

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from accounts import audit_log
from accounts.models import AuditEntry, User
from callcentric.errors import Refused

# Of each model: "view", "add", "change" and "delete" as the admin knows them; other words are permissions of its own.
Rights = Mapping[str, str]

CUSTOMERS: Rights = {
    "accounts.account": "view",
    "billing.cycle": "view",
    "billing.invoice": "view",
    "billing.invoiceline": "view",
    "billing.ledgeraccount": "view",
    "billing.payment": "view",
    "billing.service": "view",
    "billing.transfer": "view",
    "catalog.price": "view",
    "catalog.product": "view",
    "orders.order": "view",
    "orders.orderline": "view",
    "phone_numbers.backorder": "view",
    "phone_numbers.phonenumber": "view",
    "phone_numbers.ratecenter": "view",
    "phone_numbers.region": "view",
    "support.ticket": "view",
}
SUPPORT: Rights = {
    "accounts.account": "change view_as_customer",
    "billing.card": "view",
    "billing.cardrefund": "view",
    "billing.service": "confirm_911",
    "mfa.authenticator": "view delete",
    "post_office.email": "view",
    "support.cannedanswer": "view add change delete",
    "support.faqcategory": "view add change",
    "support.faqquestion": "view add change delete",
    "support.missedsearch": "view delete",
    "support.ticket": "add change",
}
BILLING: Rights = {
    "accounts.auditentry": "view",
    "agents.agent": "view decide_agent",
    "billing.card": "view",
    "billing.cardrefund": "view",
    "billing.cyclerun": "view rehearse_cycle run_cycle",
    "billing.difference": "view resolve_difference",
    "billing.ledgeraccount": "credit_account",
    "billing.match": "view",
    "billing.owedcommission": "view",
    "billing.parkedaccount": "view release_account",
    "billing.service": "cancel_service",
    "billing.stripeevent": "view",
    "billing.taxrate": "view add change delete",
    "billing.transfer": "refund_charge",
}
STOCK: Rights = {
    "catalog.price": "view",
    "catalog.product": "view",
    "phone_numbers.backorder": "view assign_number",
    "phone_numbers.localcalling": "view add change delete",
    "phone_numbers.offering": "view add change delete",
    "phone_numbers.phonenumber": "view add move_number",
    "phone_numbers.prefix": "view add change delete",
    "phone_numbers.ratecenter": "view add change delete",
    "phone_numbers.region": "view add change delete",
    "phone_numbers.stockload": "view add",
    "phone_numbers.waittime": "view add change delete",
}
FOR_ADMINISTRATORS: Rights = {
    "accounts.embargoedcountry": "view add change delete",
    "accounts.user": "view add change change_roles",
    "catalog.price": "add",
    "catalog.product": "add change",
}

ADMINISTRATORS = "Administrators"
# Said of each role where it is given.
ABOUT: Mapping[str, str] = {
    "Support": "tickets, the FAQ, customers' accounts, 911",
    "Billing": "money, credits and refunds, the monthly cycle, taxes, agents",
    "Stock": "phone numbers, places, orders that wait for a number",
    ADMINISTRATORS: "all of these, the catalogue, the embargo list, staff and their roles, the audit log",
}
# What several of the tables say of a model adds up.
ROLES: Mapping[str, tuple[Rights, ...]] = {
    "Support": (CUSTOMERS, SUPPORT),
    "Billing": (CUSTOMERS, BILLING),
    "Stock": (STOCK,),
    ADMINISTRATORS: (CUSTOMERS, SUPPORT, BILLING, STOCK, FOR_ADMINISTRATORS),
}


class RolesRefused(Refused):
    """These are no roles for this person."""


@transaction.atomic
def load() -> None:
    """Write the groups and their permissions as they stand above; what is declared no more goes.

    Raises LookupError for a permission that there is not: a word of the table is misspelt.
    """
    for name, rights in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(_permissions(rights))
    Group.objects.exclude(name__in=ROLES).delete()


def of(user: User) -> list[str]:
    """The roles that ``user`` has, in the order of the table."""
    held = set(user.groups.values_list("name", flat=True))
    return [name for name in ROLES if name in held]


def in_words(roles: Collection[str]) -> str:
    return ", ".join(name for name in ROLES if name in roles) or "none"


@transaction.atomic
def change(user: User, *, roles: Collection[str], by: User, reason: str) -> None:
    """Give ``user`` these roles and no others; whoever has one may enter the admin, and a superuser always may.

    Raises RolesRefused for a customer's login, for one that is switched off, for roles as they are, and where nobody
    would be left who may give roles; NoReason.
    """
    # Two administrators who take each other's role at the same moment come one after the other.
    administrators = Group.objects.select_for_update().get(name=ADMINISTRATORS)
    user = User.objects.select_for_update().get(pk=user.pk)
    before = of(user)
    if user.is_superuser and not by.is_superuser:
        raise RolesRefused("A superuser's roles are changed by superusers alone.")
    _check(user, set(roles), set(before))
    user.groups.set(Group.objects.filter(name__in=roles))
    user.is_staff = user.is_superuser or bool(roles)
    user.save(update_fields=["is_staff"])
    if administrators.name in before:
        check_somebody_gives_roles()
    audit_log.record(
        by=by,
        action=AuditEntry.Action.ROLES,
        user=user,
        reason=reason,
        details=f"{in_words(before)} → {in_words(roles)}",
    )


def check_somebody_gives_roles(*, but: User | None = None) -> None:
    """Raises RolesRefused where nobody is left, or nobody but this one, who may give roles.

    Whoever changes that at the same moment waits to the end of the transaction.
    """
    Group.objects.select_for_update().get(name=ADMINISTRATORS)
    left = User.objects.filter(gives_roles())
    if not (left.exclude(pk=but.pk) if but else left).exists():
        raise RolesRefused("Nobody would be left who may give roles. Make somebody else an administrator first.")


def gives_roles() -> Q:
    """Of users: those who may change roles, and who can log in to do so."""
    return Q(is_active=True) & (Q(is_superuser=True) | Q(groups__name=ADMINISTRATORS))


def may_give(user: User) -> bool:
    """Whether ``user`` is one of them."""
    return User.objects.filter(gives_roles(), pk=user.pk).exists()


def _check(user: User, roles: set[str], before: set[str]) -> None:
    if roles and hasattr(user, "account"):
        raise RolesRefused(
            "This is a customer's login. Staff have a login of their own: add one, and give it the roles."
        )
    if roles and not user.is_active:
        raise RolesRefused("This login is switched off. Make it active first.")
    if roles == before:
        raise RolesRefused("These are the roles that this person has. Choose others, or go back.")


def _permissions(rights: Iterable[Rights]) -> set[Permission]:
    wanted = {
        (model, _codename(model, word)) for each in rights for model, words in each.items() for word in words.split()
    }
    known = {
        (f"{permission.content_type.app_label}.{permission.content_type.model}", permission.codename): permission
        for permission in Permission.objects.select_related("content_type")
    }
    if missing := wanted - set(known):
        raise LookupError(f"There are no such permissions: {sorted(missing)}")
    return {known[each] for each in wanted}


def _codename(model: str, word: str) -> str:
    return f"{word}_{model.split('.')[1]}" if word in ("view", "add", "change", "delete") else word
