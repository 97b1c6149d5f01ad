"""Leave room in each page of the hot table, so that an append is a heap-only update."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE workflows_instance SET (fillfactor = 60)",
            "ALTER TABLE workflows_instance RESET (fillfactor)",
        ),
    ]
