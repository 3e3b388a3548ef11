from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        """Have queued e-mails wake their sender in our way: a broker that is away must not fail a page."""
        from post_office.signals import email_queued
        from post_office.tasks import queued_mail_handler

        from accounts.mails import wake_sender

        email_queued.disconnect(queued_mail_handler)
        email_queued.connect(wake_sender)
