"""Hooks and what resumed them; what the outbox needs to tell a parent and to try again; the children of an instance."""

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

import workflows.states


class Migration(migrations.Migration):
    dependencies = [("workflows", "0006_dead_letters")]

    operations = [
        migrations.CreateModel(
            name="Hook",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("token", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=100)),
                ("instance_id", models.UUIDField()),
                ("env_id", models.UUIDField()),
                ("correlation_id", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("disposed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["token"], condition=Q(disposed_at__isnull=True), name="hook_token_unique"
                    )
                ],
                "indexes": [
                    models.Index(fields=["token", "-id"], name="hook_of_token"),
                    models.Index(fields=["instance_id"], name="hook_of_instance"),
                    models.Index(
                        fields=["instance_id"], name="hook_open_of_instance", condition=Q(disposed_at__isnull=True)
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Resumption",
            fields=[
                ("pk", models.CompositePrimaryKey("hook_id", "resume_id", primary_key=True, serialize=False)),
                ("hook_id", models.BigIntegerField()),
                ("resume_id", models.CharField(max_length=200)),
                ("seq", models.IntegerField()),
                ("fingerprint", models.CharField(max_length=32)),
            ],
        ),
        migrations.AddField("instance", "unread", models.IntegerField(default=0, db_default=0)),
        migrations.AddIndex(
            "instance",
            models.Index(
                fields=["parent_id", "id"],
                name="instance_of_parent",
                condition=Q(parent_id__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "instance",
            models.Index(
                fields=["shard", "wake_at"],
                name="instance_suspect",
                condition=Q(takeovers__gte=2, wake_at__isnull=False),
            ),
        ),
        migrations.AlterField(
            "event", "type", models.CharField(choices=workflows.states.choices(workflows.states.EventType), max_length=20)
        ),
        migrations.AddField("outbox", "parent_id", models.UUIDField(null=True)),
        migrations.AddField("outbox", "available_at", models.DateTimeField(db_default=Now())),
    ]
