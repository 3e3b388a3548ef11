"""Who is answered what: one row for every address of the portal.

``ok`` is the page, a number the status of a refusal. ``login``: asked to log in. ``admin``: sent to the admin, where
staff belong; ``no staff``: sent to the admin's login, which lets no customer in. ``to …``: sent to another page, and
``to`` alone to that of the very thing. What changes something is asked by a POST without any data, so whoever may do
it is told what is missing, or it is done.
"""

STAFF = ("support", "billing", "stock", "administrator")

Answers = dict[str, str]


def row(visitor: str, owner: str, bob: str = "", *, staff: str = "admin", agent: str = "") -> Answers:
    """The owner is Alice; an agent is another customer like Bob, unless the row says otherwise."""
    bob = bob or owner
    return {"visitor": visitor, "alice": owner, "bob": bob, "agent": agent or bob} | dict.fromkeys(STAFF, staff)


def only(staff: str, *, others: str = "403") -> Answers:
    """A page of the admin for these of the staff, by the first letters of their roles; stock's is K."""
    of_staff = {each: "ok" if letter in staff else others for letter, each in zip("SBKA", STAFF, strict=True)}
    return row("login", "no staff") | of_staff


# A page that each customer has of their own, and one that shows a thing of Alice's.
OWN, ALICES = row("login", "ok"), row("login", "ok", "404")
PUBLIC = row("ok", "ok", staff="ok")
# Customers and staff alike, each their own login.
LOGIN = row("login", "ok", staff="ok")
AGAIN = "to /accounts/reauthenticate/"

PORTAL: dict[str, Answers] = {
    # The catalogue, coverage, the cart
    **dict.fromkeys(["home", "outbound", "inbound", "additional"], PUBLIC),
    **dict.fromkeys(["coverage", "coverage_area", "order_numbers", "cart"], PUBLIC),
    "cart_add": row("404", "404", staff="404"),
    "cart_hold": row("404", "409", "404", staff="404"),
    "cart_remove": row("404", "to /cart/", "404", staff="404"),
    # Orders
    **dict.fromkeys(["dashboard", "order", "order_outbound", "order_inbound", "order_lookup", "order_channels"], OWN),
    "checkout": row("login", "to /checkout/address/"),
    "checkout_address": OWN,
    "orders": OWN,
    "order_detail": ALICES,
    "back_order_withdraw": ALICES,
    "lost_services": OWN,
    "reorder": row("login", "409"),
    "reclaim": row("login", "to /cart/", "404"),
    "spending": OWN,
    "close_account": row("login", AGAIN),
    # Money
    **dict.fromkeys(
        ["billing", "transactions", "transactions_csv", "statements", "deposit", "recharge", "card_add"], OWN
    ),
    **dict.fromkeys(["statement", "statement_pdf", "statement_csv", "payment"], ALICES),
    "payment_check": row("login", "to", "404"),
    "payment_cancel": row("login", "to", "404"),
    "card_default": row("login", "to /billing/", "404"),
    "card_remove": row("login", "to /billing/", "404"),
    "service": ALICES,
    **dict.fromkeys(["service_cancel", "service_keep"], row("login", "to", "404")),
    "stripe_webhook": row("400", "400", staff="400"),
    # Tickets and the FAQ
    **dict.fromkeys(["tickets", "ticket_new"], OWN),
    **dict.fromkeys(["ticket", "ticket_attachment"], ALICES),
    "ticket_close": row("login", "to", "404"),
    "ticket_reopen": row("login", "to", "404"),
    "ticket_rate": row("login", "422", "404"),
    **dict.fromkeys(["faq", "faq_search", "faq_category", "faq_question"], PUBLIC),
    # Agents
    "agents": PUBLIC,
    "agents_apply": row("login", "ok", agent="to /agents/"),
    **dict.fromkeys(["agents_commission", "agents_commission_csv", "agents_qr_code"], row("login", "404", agent="ok")),
    # Logins
    "profile": OWN,
    "email_resend": row("login", "to /dashboard/"),
    "address_fields": PUBLIC,
    **dict.fromkeys(["account_signup", "account_login"], row("ok", "to /dashboard/")),
    "account_logout": row("to /", "ok", staff="ok"),
    **dict.fromkeys(["forgot", "account_inactive", "account_email_verification_sent", "account_confirm_email"], PUBLIC),
    **dict.fromkeys(["account_reset_password", "account_reset_password_done"], PUBLIC),
    **dict.fromkeys(["account_reset_password_from_key", "account_reset_password_from_key_done"], PUBLIC),
    "account_set_password": row("login", "to /accounts/password/change/", staff="to /accounts/password/change/"),
    **dict.fromkeys(["account_confirm_login_code", "mfa_authenticate"], row("to /accounts/login/", "to /dashboard/")),
    **dict.fromkeys(["account_email", "account_change_password", "account_reauthenticate", "usersessions_list"], LOGIN),
    "mfa_index": LOGIN,
    "mfa_activate_totp": row("login", AGAIN, staff=AGAIN),
    "mfa_generate_recovery_codes": row("login", AGAIN, staff=AGAIN),
    # Alice alone has a two-factor login, so only she is asked for its code.
    "mfa_reauthenticate": row("login", "ok", AGAIN, staff=AGAIN),
    "mfa_deactivate_totp": row("login", AGAIN, "404", staff="404"),
    **dict.fromkeys(["mfa_view_recovery_codes", "mfa_download_recovery_codes"], row("login", "404", staff="404")),
    # Staff look at a customer's pages, and stop
    "view_as_customer": only("SA"),
    "stop_looking": row("login", "admin"),
    # Machines; and what there is in development alone
    "healthz": PUBLIC,
    **dict.fromkeys(["dev", "dev_outbox"], PUBLIC),
    "dev_clock": row("422", "422", staff="422"),
}

# Who of the staff sees a model's list, its pages and their history; adds, changes and deletes a row.
MODELS: dict[str, tuple[str, str, str, str]] = {
    "accounts_account": ("SBA", "", "SA", ""),
    "accounts_auditentry": ("BA", "", "", ""),
    "accounts_embargoedcountry": ("A", "A", "A", "A"),
    "accounts_user": ("A", "A", "A", ""),
    "agents_agent": ("BA", "", "", ""),
    "billing_card": ("SBA", "", "", ""),
    "billing_cardrefund": ("SBA", "", "", ""),
    "billing_cycle": ("SBA", "", "", ""),
    "billing_cyclerun": ("BA", "", "", ""),
    "billing_difference": ("BA", "", "", ""),
    "billing_invoice": ("SBA", "", "", ""),
    "billing_invoiceline": ("SBA", "", "", ""),
    "billing_ledgeraccount": ("SBA", "", "", ""),
    "billing_match": ("BA", "", "", ""),
    "billing_owedcommission": ("BA", "", "", ""),
    "billing_parkedaccount": ("BA", "", "", ""),
    "billing_payment": ("SBA", "", "", ""),
    "billing_service": ("SBA", "", "", ""),
    "billing_stripeevent": ("BA", "", "", ""),
    "billing_taxrate": ("BA", "BA", "BA", "BA"),
    "billing_transfer": ("SBA", "", "", ""),
    "catalog_product": ("SBKA", "A", "A", ""),
    "mfa_authenticator": ("SA", "", "", "SA"),
    "orders_order": ("SBA", "", "", ""),
    "phone_numbers_backorder": ("SBKA", "", "", ""),
    "phone_numbers_localcalling": ("KA", "KA", "KA", "KA"),
    "phone_numbers_offering": ("KA", "KA", "KA", "KA"),
    "phone_numbers_phonenumber": ("SBKA", "KA", "", ""),
    "phone_numbers_prefix": ("KA", "KA", "KA", "KA"),
    "phone_numbers_ratecenter": ("SBKA", "KA", "KA", "KA"),
    "phone_numbers_region": ("SBKA", "KA", "KA", "KA"),
    "phone_numbers_stockload": ("KA", "KA", "", ""),
    "phone_numbers_waittime": ("KA", "KA", "KA", "KA"),
    "post_office_email": ("SA", "", "", ""),
    "support_cannedanswer": ("SA", "SA", "SA", "SA"),
    "support_faqcategory": ("SA", "SA", "SA", ""),
    "support_faqquestion": ("SA", "SA", "SA", "SA"),
    "support_missedsearch": ("SA", "", "", "SA"),
    "support_ticket": ("SBA", "SA", "SA", ""),
}
DOORS = only("SBKA") | {"visitor": "no staff"}
SEEN = ("changelist", "change", "history")
ADMIN: dict[str, Answers] = {
    **{
        f"{model}_{page}": only(see)
        for model, (see, *_) in MODELS.items()
        for page in ("changelist", "history", "change")
    },
    **{f"{model}_add": only(add) for model, (_, add, _, _) in MODELS.items()},
    **{f"{model}_delete": only(delete) for model, (_, _, _, delete) in MODELS.items()},
    # Pages of their own
    "accounts_user_change_roles": only("A"),
    "agents_agent_decide": only("BA"),
    "billing_cyclerun_csv": only("BA"),
    "billing_cyclerun_rehearse": only("BA"),
    "billing_cyclerun_run_now": only("BA"),
    "billing_ledgeraccount_credit": only("BA"),
    "billing_taxrate_export": only("BA"),
    "billing_taxrate_import": only("BA"),
    "billing_taxrate_process_import": only("BA"),
    "billing_transfer_refund": only("BA"),
    "phone_numbers_backorder_assign": only("KA"),
    "phone_numbers_localcalling_import_file": only("KA"),
    "phone_numbers_phonenumber_export_disconnects": only("KA"),
    "phone_numbers_stockload_problems": only("KA", others="404"),
    "support_ticket_attachment": only("SBA"),
    # The admin itself, which asks visitors to log in by a page of its own
    **dict.fromkeys(["index", "password_change", "password_change_done", "jsi18n", "autocomplete"], DOORS),
    "search": only("SBKA"),
    "app_list": DOORS | {"stock": "404"},
    "login": row("login", "403"),
    "logout": row("no staff", "admin", staff="405"),
    # An answer of the FAQ, as everybody reads it.
    "view_on_site": DOORS | dict.fromkeys(STAFF, "to"),
}
# Asked by a POST: they have no page.
POST_ONLY = {
    "cart_add",
    "cart_hold",
    "cart_remove",
    "reorder",
    "reclaim",
    "card_default",
    "card_remove",
    "payment_check",
    "payment_cancel",
    "email_resend",
    "stripe_webhook",
    "service_cancel",
    "service_keep",
    "ticket_close",
    "ticket_reopen",
    "ticket_rate",
    "address_fields",
    "stop_looking",
    "dev_clock",
    "billing_taxrate_process_import",
}
# What staff do to the rows that they have chosen in a list.
ACTIONS: dict[str, dict[str, str]] = {
    "accounts_embargoedcountry": {"delete_selected": "A"},
    "billing_difference": {"resolve": "BA"},
    "billing_parkedaccount": {"release": "BA"},
    "billing_service": {"confirm_911": "SA", "fail_911": "SA", "cancel_at_once": "BA"},
    "billing_taxrate": {"delete_selected": "BA"},
    "mfa_authenticator": {"delete_selected": "SA"},
    "phone_numbers_backorder": {"assign_next": "KA"},
    "phone_numbers_localcalling": {"delete_selected": "KA"},
    "phone_numbers_offering": {"delete_selected": "KA"},
    "phone_numbers_phonenumber": {"take_out": "KA", "put_back": "KA"},
    "phone_numbers_prefix": {"delete_selected": "KA"},
    "phone_numbers_ratecenter": {"delete_selected": "KA"},
    "phone_numbers_region": {"delete_selected": "KA"},
    "phone_numbers_waittime": {"delete_selected": "KA"},
    "support_cannedanswer": {"delete_selected": "SA"},
    "support_missedsearch": {"delete_selected": "SA"},
}
