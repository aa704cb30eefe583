"""Migrates the database that CMS_DATABASE names and fills the site: a tree of pages with text in their placeholders."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

import django

django.setup()

from cms.api import add_plugin, create_page
from django.contrib.auth import get_user_model
from django.core.management import call_command

TEXTS = 4
BODY = "<p>Text number {number} of {page}, with <em>markup</em> and enough words to fill two lines of a page.</p>"


def page(title, author, parent=None, template="page.html"):
    """A page in the menu with text in all its placeholders."""
    made = create_page(
        title, template, "en", created_by=author, parent=parent, in_navigation=True, meta_description=f"About {title}"
    )
    for placeholder in made.get_placeholders("en"):
        for number in range(TEXTS):
            body = BODY.format(number=number, page=title) * 2
            add_plugin(placeholder, "TextPlugin", "en", heading=f"{title}, part {number}", body=body)
    return made


def main():
    call_command("migrate", verbosity=0)
    author = get_user_model().objects.create_superuser("author", "author@example.org", "not a secret")
    home = page("Home", author)
    home.set_as_homepage()
    for section in ("Products", "News", "About"):
        top = page(section, author, template="columns.html")
        for number in range(5):
            child = page(f"{section} {number}", author, top)
            if number == 0:
                page(f"{section} detail", author, child, template="columns.html")


if __name__ == "__main__":
    main()
