"""WSGI entry point."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meta_app.settings.local")
application = get_wsgi_application()

# Loads every page now; otherwise the first person to open one would wait for it.
import_module(settings.ROOT_URLCONF)
