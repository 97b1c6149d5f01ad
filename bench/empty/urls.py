"""Every address of the service, and one whose view does nothing.

It is below /api/, so the middlewares that step aside for the API do so for it.
"""

from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from settings import urls

ADDRESS = "/api/bench/empty"


class EmptyView(APIView):
    """Takes the bytes it is sent, without a look at them or at who sends them, and answers `{}`."""

    schema = None

    def post(self, request: Request, *_: Any) -> Response:
        assert request.body
        return Response({})


urlpatterns = [path(ADDRESS.removeprefix("/"), EmptyView.as_view()), *urls.urlpatterns]
