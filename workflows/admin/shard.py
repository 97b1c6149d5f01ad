"""Shards: who runs each lane, and how many steps at once; 0 pauses a lane."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from workflows.admin.page import Page
from workflows.models import Shard
from workflows.templatetags import readable


@admin.register(Shard)
class ShardPage(Page):
    list_display = ("lane", "pump", "owner", "epoch", "parallelism")
    fields = ("max_parallelism", "owner", "epoch", "deadline")
    readonly_fields: ClassVar = ["owner", "epoch", "deadline"]
    ordering: ClassVar = ["index"]
    sortable_by: ClassVar[list[str]] = []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Shard")
    def lane(self, shard: Shard) -> str:
        return str(shard.index)

    @admin.display(description="Pump")
    def pump(self, shard: Shard) -> SafeString:
        if shard.max_parallelism == 0:
            return readable.badge("paused")
        alive = shard.deadline is not None and shard.deadline > timezone.now()
        return readable.badge("alive" if alive else "no pump")

    @admin.display(description="Max parallelism")
    def parallelism(self, shard: Shard) -> str:
        return readable.count(shard.max_parallelism)
