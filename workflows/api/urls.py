"""Addresses of the REST API."""

from django.urls import path, re_path
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from workflows.api.base import NowhereView
from workflows.api.bindings import BindingsView, BindingTestView, BindingView
from workflows.api.bulk import BulkAbortView, BulkActionsView, BulkActionView
from workflows.api.definitions import DefinitionsView, DefinitionView, VersionsView
from workflows.api.emitted import EmittedView
from workflows.api.entries import DiscardView, EntriesView, RedriveView
from workflows.api.events import EventsView
from workflows.api.flags import BufferView, FlagsView
from workflows.api.health import LiveView, MetricsView, ReadyView
from workflows.api.hooks import HookView
from workflows.api.idempotency import KeyView
from workflows.api.instances import (
    CancelView,
    InstancesView,
    InstanceView,
    MetadataView,
    PauseView,
    RescheduleView,
    ResumeView,
    TagsView,
    TreeView,
)
from workflows.api.plans import (
    AbortPlanView,
    PausePlanView,
    ResumePlanView,
    RolloutPlansView,
    RolloutPlanView,
)
from workflows.api.schedules import SchedulesView, ScheduleView
from workflows.api.shadow import ShadowReportView
from workflows.api.simulations import SimulationsView
from workflows.api.triggers import BatchView, TriggersView

READING = ["get", "head"]

urlpatterns = [
    path("api/v1/triggers", TriggersView.as_view()),
    path("api/v1/triggers/batch", BatchView.as_view()),
    path("api/v1/events", EmittedView.as_view()),
    path("api/v1/bindings", BindingsView.as_view()),
    path("api/v1/bindings/test", BindingTestView.as_view()),
    path("api/v1/bindings/<uuid:id_>", BindingView.as_view()),
    path("api/v1/bulk-actions", BulkActionsView.as_view()),
    path("api/v1/bulk-actions/<uuid:id_>", BulkActionView.as_view()),
    path("api/v1/bulk-actions/<uuid:id_>/abort", BulkAbortView.as_view()),
    path("api/v1/instances", InstancesView.as_view()),
    path("api/v1/instances/<uuid:id_>", InstanceView.as_view()),
    path("api/v1/instances/<uuid:id_>/tree", TreeView.as_view()),
    path("api/v1/instances/<uuid:id_>/events", EventsView.as_view()),
    path("api/v1/instances/<uuid:id_>/cancel", CancelView.as_view()),
    path("api/v1/instances/<uuid:id_>/tags", TagsView.as_view()),
    path("api/v1/instances/<uuid:id_>/metadata", MetadataView.as_view()),
    path("api/v1/instances/<uuid:id_>/reschedule", RescheduleView.as_view()),
    path("api/v1/instances/<uuid:id_>/pause", PauseView.as_view()),
    path("api/v1/instances/<uuid:id_>/resume", ResumeView.as_view()),
    path("api/v1/hooks/<str:token>", HookView.as_view()),
    path("api/v1/idempotency-keys/<str:definition>/<path:key>", KeyView.as_view()),
    path("api/v1/buffer", BufferView.as_view()),
    path("api/v1/buffer/entries", EntriesView.as_view()),
    path("api/v1/buffer/entries/<uuid:id_>/redrive", RedriveView.as_view()),
    path("api/v1/buffer/entries/<uuid:id_>/discard", DiscardView.as_view()),
    path("api/v1/definitions", DefinitionsView.as_view()),
    path("api/v1/definitions/<slug:slug>", DefinitionView.as_view()),
    path("api/v1/definitions/<slug:slug>/versions", VersionsView.as_view()),
    path("api/v1/flags", FlagsView.as_view()),
    path("api/v1/rollout-plans", RolloutPlansView.as_view()),
    path("api/v1/rollout-plans/<int:id_>", RolloutPlanView.as_view()),
    path("api/v1/rollout-plans/<int:id_>/pause", PausePlanView.as_view()),
    path("api/v1/rollout-plans/<int:id_>/resume", ResumePlanView.as_view()),
    path("api/v1/rollout-plans/<int:id_>/abort", AbortPlanView.as_view()),
    path("api/v1/simulations", SimulationsView.as_view()),
    path("api/v1/shadow-report", ShadowReportView.as_view()),
    path("api/v1/schedules", SchedulesView.as_view()),
    path("api/v1/schedules/<uuid:id_>", ScheduleView.as_view()),
    path("healthz/live", LiveView.as_view()),
    path("healthz/ready", ReadyView.as_view()),
    path("metrics", MetricsView.as_view()),
    path(
        "api/schema",
        SpectacularAPIView.as_view(
            renderer_classes=[OpenApiJsonRenderer, OpenApiYamlRenderer], http_method_names=READING
        ),
        name="api-schema",
    ),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="api-schema", http_method_names=READING), name="api-docs"),
    re_path("^api/", NowhereView.as_view()),
]
