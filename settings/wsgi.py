"""The WSGI application that the web server runs."""

from django.core.wsgi import get_wsgi_application

from settings import env

env.use_settings()
application = get_wsgi_application()

# Once the apps are ready.
from mollifier import checks  # noqa: E402

checks.boot()
