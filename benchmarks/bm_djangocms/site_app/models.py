"""The text plugin's model."""

from cms.models import CMSPlugin
from django.db import models


class Text(CMSPlugin):
    """A heading and HTML below it."""

    heading = models.CharField(max_length=200)
    body = models.TextField()

    def __str__(self) -> str:
        return self.heading
