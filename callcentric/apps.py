from django.apps import AppConfig


class CallcentricConfig(AppConfig):
    name = "callcentric"
