"""The WSGI application that the web server runs."""

from django.core.wsgi import get_wsgi_application

from settings import env

env.use_settings()
application = get_wsgi_application()

# Once the apps are ready; the first trigger has only the gate's time-out.
from mollifier import client  # noqa: E402

client.load_scripts()
