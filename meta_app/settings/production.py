"""A team server behind TLS: PostgreSQL, Redis, secrets from the environment."""

from django.core.exceptions import ImproperlyConfigured

from meta_app.settings.base import *  # noqa: F403
from meta_app.settings.environment import read_flag, read_integer, read_list, read_required

DEBUG = False
SECRET_KEY = read_required("CONCORD_SECRET_KEY")
if len(SECRET_KEY) < 50 or "change" in SECRET_KEY.lower():
    raise ImproperlyConfigured(
        "CONCORD_SECRET_KEY must be a random text of 50 characters or more: "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))'."
    )
for name in ("CONCORD_DATABASE_URL", "CONCORD_BROKER_URL"):
    if "change-me" in read_required(name):
        raise ImproperlyConfigured(f"{name} still holds the example password: choose one of your own.")

ALLOWED_HOSTS = read_list("CONCORD_HOSTS")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("Set CONCORD_HOSTS to the names under which people reach this server, comma separated.")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]

USE_TLS = read_flag("CONCORD_TLS", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = USE_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if USE_TLS else 0
# All requests come from the proxy: by its address, eight wrong passwords of a stranger would lock a name for everybody.
PROXIES = read_integer("CONCORD_PROXIES", 1)
if PROXIES < 0:
    raise ImproperlyConfigured(f"CONCORD_PROXIES must be 0 or more, not {PROXIES}.")
AXES_CLIENT_IP_CALLABLE = "meta_app.common.proxies.client_address"
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
# Whether every subdomain is served over TLS, and for ever, is for the owner of the domain to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = False
