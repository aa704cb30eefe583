"""A Django page: an ORM query on SQLite rendered by a template, through the URL resolver and middleware.

    python django_app.py [PAGES]

Settings, models, templates and views are all in this file. Prints the first page and a digest of all.
"""

import hashlib
import sys

import django
from django.conf import settings

TEMPLATES = {
    "base.html": "<!doctype html><title>{% block title %}{% endblock %}</title>{% block body %}{% endblock %}",
    "books.html": """{% extends "base.html" %}{% block title %}{{ page }} of {{ count }}{% endblock %}{% block body %}
{% for author in authors %}<h2 id="{{ author.name|slugify }}">{{ author.name }}{% if author.active %} *{% endif %}</h2>
{% with total=author.book_total %}<p>{{ total }} book{{ total|pluralize }}, {{ author.average|floatformat:2 }}</p>
{% endwith %}<ul>{% for book in author.books.all %}<li class="{% cycle 'odd' 'even' %}">{{ forloop.counter }}.
{{ book.title|title|truncatechars:20 }} {{ book.price|default:"free" }}{% include "tags.html" with tags=book.tag_list %}
{{ book.published|date:"Y-m-d" }}</li>{% empty %}<li>none</li>{% endfor %}</ul>{% endfor %}
{% url "books" page=next %}{% spaceless %} <b> {{ query|escape }} </b> {% endspaceless %}{% endblock %}""",
    "tags.html": "{% for tag in tags %}<i>{{ tag|lower }}</i>{% if not forloop.last %}, {% endif %}{% endfor %}",
}

settings.configure(
    DEBUG=False,
    SECRET_KEY="not a secret",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    USE_TZ=False,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.sessions", __name__],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.cached.Loader", [("django.template.loaders.locmem.Loader", TEMPLATES)])
                ],
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ],
)
django.setup()

from datetime import date, timedelta  # noqa: E402

from django.core.paginator import Paginator  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import Http404, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from measure import measured  # noqa: E402


class Author(models.Model):
    """Writes books."""

    name = models.CharField(max_length=80)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]


class Book(models.Model):
    """Has an author, a price and tags."""

    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    title = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    tags = models.CharField(max_length=80)
    published = models.DateField()

    class Meta:
        ordering = ["-published", "title"]

    @property
    def tag_list(self):
        return self.tags.split()


def fill():
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    for a in range(20):
        author = Author.objects.create(name=f"Author {chr(65 + a)} <{a}>", active=a % 3 > 0)
        Book.objects.bulk_create(
            Book(
                author=author,
                title=f"the book number {a * 10 + b} of many",
                price=None if b == 3 else f"{a + b}.{b}5",
                tags="Fiction " + "Long " * (b % 3),
                published=date(2001, 1, 1) + timedelta(days=a * 31 + b * 7),
            )
            for b in range(a % 6)
        )


def books(request, page):
    query = request.GET.get("q", "")
    authors = (
        Author.objects.filter(name__icontains="author")
        .exclude(books__title__endswith=query or "never")
        .annotate(book_total=models.Count("books", distinct=True), average=models.Avg("books__price"))
        .filter(models.Q(book_total__gt=0) | models.Q(active=True))
        .prefetch_related("books")
        .order_by("-book_total", "name")
    )
    paginator = Paginator(authors, 5)
    if page > paginator.num_pages:
        raise Http404(f"page {page}")
    request.session["last"] = page
    context = {
        "authors": paginator.get_page(page),
        "page": page,
        "count": paginator.num_pages,
        "next": page + 1,
        "query": query,
    }
    return render(request, "books.html", context)


def api(request, pk):
    book = (
        Book.objects.select_related("author")
        .filter(pk=pk)
        .values("title", "author__name", "price", "published")
        .first()
    )
    return JsonResponse(
        {"book": book, "cheaper": Book.objects.filter(price__lt=pk).count()}, status=200 if book else 404
    )


urlpatterns = [path("books/<int:page>/", books, name="books"), path("api/<int:pk>/", api)]


def main(pages):
    fill()
    client = Client()
    digest = hashlib.sha256()
    with measured():
        for n in range(pages):
            if n % 4 == 3:
                response = client.get(f"/api/{n % 60}/")
            else:
                response = client.get(f"/books/{n % 5 + 1}/", {"q": f"{n % 7}<"})
            line = f"{n} {response.status_code} {response.headers.get('Content-Type')} {response.content.decode()}"
            digest.update(line.encode())
            if n < 8:
                print(line)
        # The table changes while everything is hot.
        Book.objects.filter(price=None).update(price=models.F("id") * 2)
        Author.objects.filter(active=False).delete()
    print(hashlib.sha256(client.get("/books/1/").content).hexdigest(), Book.objects.count())
    print("pages:", pages, digest.hexdigest())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
