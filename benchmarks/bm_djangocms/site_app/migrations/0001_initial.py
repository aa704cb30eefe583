"""The text plugin's table."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes the table, below the CMS's own for plugins."""

    initial = True
    dependencies = [("cms", "0035_auto_20230822_2208_squashed_0036_auto_20240311_1028")]
    operations = [
        migrations.CreateModel(
            name="Text",
            fields=[
                (
                    "cmsplugin_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        related_name="%(app_label)s_%(class)s",
                        serialize=False,
                        to="cms.cmsplugin",
                    ),
                ),
                ("heading", models.CharField(max_length=200)),
                ("body", models.TextField()),
            ],
            bases=("cms.cmsplugin",),
        )
    ]
