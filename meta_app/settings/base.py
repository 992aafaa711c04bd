"""Settings shared by every way of running Concord. Environment variables are listed in docs/administration.md."""

from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue

from meta_app.settings.environment import Path, read_integer, read_path, read_text

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = read_path("CONCORD_DATA", BASE_DIR / "data")
RUNS_DIR = DATA_DIR / "runs"
FILES_DIR = DATA_DIR / "files"
FILE_LIMIT_MB = read_integer("CONCORD_FILE_MB", 100)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
    "meta_app.common",
    "meta_app.accounts",
    "meta_app.audit",
    "meta_app.projects",
    "meta_app.library",
    "meta_app.screening",
    "meta_app.extraction",
    "meta_app.quality",
    "meta_app.agreement",
    "meta_app.datasets",
    "meta_app.analyses",
    "meta_app.results",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "meta_app.accounts.middleware.SignInFirst",
    "meta_app.common.middleware.NumbersFitTheDatabase",
    "meta_app.common.middleware.TextsFitTheDatabase",
    "meta_app.common.middleware.PagesAreAskedAnew",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "meta_app.urls"
WSGI_APPLICATION = "meta_app.wsgi.application"
ASGI_APPLICATION = "meta_app.asgi.application"

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
                "meta_app.projects.context.review_flow",
            ],
        },
    }
]


def sqlite_database(path: Path) -> dict[str, object]:
    """SQLite for several processes: IMMEDIATE transactions, or read-then-write ones fail with "database is locked"."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def database_from_url(url: str) -> dict[str, object]:
    """PostgreSQL; what follows `?` is for libpq: `?sslmode=require`, or `?host=/folder` for a Unix socket."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("CONCORD_DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or options.pop("host", "")),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


database_url = read_text("CONCORD_DATABASE_URL")
DATABASES = {
    "default": database_from_url(database_url) if database_url else sqlite_database(DATA_DIR / "concord.sqlite3")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "projects:my_work"
LOGOUT_REDIRECT_URL = "accounts:sign_in"

AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "meta_app.common.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        # The viewer decodes volumes into object URLs; figures are drawn on the server.
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF, "blob:"],
        "worker-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # Tokens first: the first one decides that nobody gets 401 rather than 403.
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["meta_app.common.api.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "meta_app.common.api.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "meta_app.common.exceptions.api_exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Concord API",
    "DESCRIPTION": "What the pages and scripts use: studies, peaks, agreed datasets, runs and their artefacts.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {"ModalityEnum": "meta_app.extraction.models.Dataset.Modality"},
}

BROKER_URL = read_text("CONCORD_BROKER_URL", "filesystem://localhost")
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "concord"
# A machine that only helps with permutations listens to the second queue alone; others take turns between both.
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in ("concord", "blocks")]
CELERY_TASK_ROUTES = {"meta_app.analyses.tasks.block_execute": {"queue": "blocks", "routing_key": "blocks"}}
if BROKER_URL.startswith("filesystem"):
    # One folder both ways: what the web process puts out, a worker takes in. A worker does not start without it.
    MESSAGES_DIR = DATA_DIR / "broker" / "queue"
    MESSAGES_DIR.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(MESSAGES_DIR),
        "data_folder_out": str(MESSAGES_DIR),
        "control_folder": str(DATA_DIR / "broker" / "control"),
        "store_processed": False,
        "polling_interval": 0.02,
    }
else:
    # Without the restore settings Redis redelivers nothing for 100 s after a worker was killed.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 3600,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    }

RUN_LEASE_SECONDS = read_integer("CONCORD_RUN_LEASE_SECONDS", 30)
RUN_MAXIMUM_ATTEMPTS = read_integer("CONCORD_RUN_MAXIMUM_ATTEMPTS", 5)
PREPARED_DIR = read_path("CONCORD_PREPARED", DATA_DIR / "cache" / "prepared")
PREPARED_LIMIT_GB = read_integer("CONCORD_PREPARED_GB", 20)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": read_text("CONCORD_LOG_LEVEL", "INFO")},
}
