"""Settings, all from the environment: see .env.example for each variable and what it is for."""

import sys
import zlib
from pathlib import Path

import environ
import structlog
from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy
from kombu import Queue

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

PORTAL_DATA = Path(env("PORTAL_DATA", default=str(BASE_DIR / ".local"))).resolve()
# `make run` writes what its servers listen on here, so that `manage.py` beside it works on the same database.
if "DATABASE_URL" not in env.ENVIRON and (PORTAL_DATA / "env").exists():
    env.read_env(PORTAL_DATA / "env")


def required(name: str, hint: str) -> str:
    """The variable ``name``; without it the portal does not start, and says in one line how to set it."""
    value = env.str(name, default="")
    if not value:
        # Not an exception: whoever starts the server needs this line, not a page of our source.
        raise SystemExit(f"{name} is not set. {hint} (.env.example lists every variable.)")
    return value


# --- What this installation is --------------------------------------------------------------------------------------
# Development tools: the /dev/ pages, a clock that can be moved, demo logins. Never in production.
PORTAL_DEV = env.bool("PORTAL_DEV", default=False)
CLOCK_FILE = PORTAL_DATA / "clock" if PORTAL_DEV else None
# The operator's name, as customers read it.
OPERATOR = env("OPERATOR", default="Callcentric")
SITE_URL = required("SITE_URL", "Set it to the portal's public address, such as https://my.example.com.").rstrip("/")

SECRET_KEY = required("SECRET_KEY", "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(64))'.")
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[SITE_URL.split("://")[1].split("/")[0].split(":")[0]])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    # Before the apps whose widgets it renders: TemplatesSetting looks for them here.
    "django.forms",
    "callcentric",
    "unfold",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    # Search by trigrams.
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_countries",
    "django_htmx",
    "django_structlog",
    "import_export",
    "pgtrigger",
    "post_office",
    "accounts",
    "catalog",
    "phone_numbers",
    "billing",
    "orders",
    "agents",
    "support",
    "staff",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # Before all that may answer by itself: a link is remembered whatever the answer.
    "agents.middleware.AgentLinkMiddleware",
    "django.middleware.common.CommonMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.CustomerMiddleware",
    # Last: it calls the view itself where staff look at a customer's pages.
    "staff.middleware.LookingMiddleware",
]

ROOT_URLCONF = "callcentric.urls"
WSGI_APPLICATION = "callcentric.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "callcentric.context.site",
                "orders.context.cart",
            ],
            "builtins": ["callcentric.templatetags.show"],
        },
    },
]

# --- Database, cache, broker ----------------------------------------------------------------------------------------
required("DATABASE_URL", "Set it to postgres://USER:PASSWORD@HOST:5432/NAME, or start everything with `make run`.")
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
    "CONN_HEALTH_CHECKS": True,
    "ATOMIC_REQUESTS": False,
}
# The ledger's statement is planned once per connection; Django's own cursors never prepare anything.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("prepare_threshold", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = required("REDIS_URL", "Set it to redis://HOST:6379/0.")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 15 * 60
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A page must not hang when the broker is away: the beat finds what was left.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 10}
CELERY_TIMEZONE = "America/New_York"
# E-mails have a queue of their own: their sender keeps others out by a lock file, so one machine alone may work on it.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("mail")]
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {"post_office.tasks.*": {"queue": "mail"}}

# --- Accounts and login (domain.md §4) ------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = reverse_lazy("dashboard")
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignupForm",
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
}
# The login form turns a 1777 number or an e-mail address into its owner's username (accounts/login_names.py).
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
# Strict: sign-up answers the same whether or not the e-mail address is known.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_USERNAME_MIN_LENGTH = 3
ACCOUNT_USERNAME_VALIDATORS = "accounts.validators.username_validators"
ACCOUNT_USERNAME_BLACKLIST = ["admin", "administrator", "billing", "help", "root", "staff", "support"]
# A change of password or e-mail address is told to the (old) address; the latter asks for the password again.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Whoever opened the reset link need not type what they have just typed, nor wait out a pause.
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
# Five failures in fifteen minutes pause that name and that address.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "5/15m/ip,5/15m/key",
    "login": "60/m/ip",
    "confirm_email": "1/30s/key",
    "remind_username": "20/m/ip,3/15m/key",
    # Visitors: each number in a cart is held, and nobody shall empty a place.
    "hold_number": "30/15m/ip",
    # What the FAQ's search did not find and is written down for staff.
    "faq_missed": "20/h/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = OPERATOR
MFA_FORMS = {
    "authenticate": "accounts.two_factor.AuthenticateForm",
    "reauthenticate": "accounts.two_factor.ReauthenticateForm",
}
# Who an Agent ID belongs to; agents is to the right of accounts, so accounts only knows this name.
AGENT_LOOKUP = "agents.referrals.find_agent"
# Called when a service address changes: 911 follows it. accounts cannot import billing either.
SERVICE_ADDRESS_CHANGED = "billing.emergency.review"

# --- Money ----------------------------------------------------------------------------------------------------------
STRIPE_SECRET_KEY = required("STRIPE_SECRET_KEY", "Copy it from Stripe's dashboard, Developers, API keys.")
STRIPE_PUBLISHABLE_KEY = required("STRIPE_PUBLISHABLE_KEY", "Copy it from Stripe's dashboard, Developers, API keys.")
STRIPE_WEBHOOK_SECRET = required("STRIPE_WEBHOOK_SECRET", "Copy it from Stripe's dashboard, Developers, Webhooks.")
# Empty for Stripe itself; the address of a stand-in that speaks Stripe's API (localstripe) in development.
STRIPE_API_BASE = env("STRIPE_API_BASE", default="")
STRIPE_JS_ORIGINS = [STRIPE_API_BASE] if STRIPE_API_BASE else ["https://js.stripe.com", "https://*.js.stripe.com"]
STRIPE_JS_URL = f"{STRIPE_API_BASE}/js.stripe.com/v3/" if STRIPE_API_BASE else "https://js.stripe.com/v3/"
STRIPE_TIMEOUT_SECONDS = env.int("STRIPE_TIMEOUT_SECONDS", default=20)

# --- E-mail: rows first, then sent (django-post-office) --------------------------------------------------------------
EMAIL_BACKEND = "post_office.EmailBackend"
DEFAULT_FROM_EMAIL = required(
    "DEFAULT_FROM_EMAIL", "The sender customers see, such as: Callcentric <help@example.com>."
)
_delivery = env.email_url("EMAIL_URL", default="smtp://localhost:25")
POST_OFFICE = {
    "BACKENDS": {"default": _delivery["EMAIL_BACKEND"]},
    "CELERY_ENABLED": True,
    "DEFAULT_PRIORITY": "medium",
    "MAX_RETRIES": 4,
    "MESSAGE_ID_ENABLED": True,
    # Two portals on one machine must not wait for each other.
    "LOCK_FILE_NAME": f"post_office-{zlib.crc32(env.str('DATABASE_URL').encode()):08x}",
}
EMAIL_HOST = _delivery.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _delivery.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _delivery.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _delivery.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _delivery.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _delivery.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 20

# --- Language and time ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "America/New_York"

# --- Static files ---------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = PORTAL_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Development serves the files where they lie; production serves what `collectstatic` made, named by their content.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = PORTAL_DEV
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if PORTAL_DEV
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

# --- The staff's admin ------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": OPERATOR,
    "SITE_HEADER": OPERATOR,
    "SITE_SYMBOL": "call",
    "ENVIRONMENT": "staff.looking.in_the_admin",
    "DASHBOARD_CALLBACK": "staff.dashboard.with_panels",
    "STYLES": [lambda request: static("css/admin.css")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/favicon.svg")},
    ],
}

# --- Security -------------------------------------------------------------------------------------------------------
_https = SITE_URL.startswith("https://")
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "callcentric.problems.expired_form"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, *STRIPE_JS_ORIGINS],
        "style-src": [SELF],
        # Two-factor set-up shows its QR code as a data: picture.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF, STRIPE_API_BASE or "https://api.stripe.com"],
        "frame-src": [*STRIPE_JS_ORIGINS, "https://hooks.stripe.com"],
        "form-action": [SELF],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    },
}

# --- Logs: one line an event, with the request's id ------------------------------------------------------------------
DJANGO_STRUCTLOG_CELERY_ENABLED = True
LOG_FORMAT = env("LOG_FORMAT", default="json")
_shared: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
]
_renderer = (
    structlog.processors.JSONRenderer()
    if LOG_FORMAT == "json"
    else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
)
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": _renderer,
            "foreign_pre_chain": _shared,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        "stripe": {"level": "WARNING"},
    },
}
