"""The ASGI application, for hosts that speak only ASGI."""

from django.core.asgi import get_asgi_application

from settings import env

env.use_settings()
application = get_asgi_application()
