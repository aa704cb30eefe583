"""A Django REST framework API over ORM queries on SQLite, settings and all in this file, served by waitress.

python app.py fill DATABASE
python app.py serve DATABASE FD
"""

from __future__ import annotations

import socket
import sys
from datetime import date, timedelta

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not a secret",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="app",
    USE_TZ=False,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "app"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2]}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
        "PAGE_SIZE": 20,
    },
)
# Django imports the models and the URLs as `app`, which is this very module.
sys.modules["app"] = sys.modules["__main__"]
__name__ = "app"
django.setup()

from django.db import connection, models
from django.urls import include, path
from rest_framework import routers, serializers, viewsets


class Author(models.Model):
    """Writes books."""

    name = models.CharField(max_length=80)
    born = models.DateField()

    class Meta:
        ordering = ["name"]


class Book(models.Model):
    """Belongs to an author."""

    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    title = models.CharField(max_length=80)
    price = models.DecimalField(max_digits=6, decimal_places=2)
    published = models.DateField()

    class Meta:
        ordering = ["-published", "title"]


class AuthorSerializer(serializers.ModelSerializer):
    """An author with the number of books."""

    book_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Author
        fields = ["id", "name", "born", "book_count"]


class BookSerializer(serializers.ModelSerializer):
    """A book with its author."""

    author = AuthorSerializer(read_only=True)
    age = serializers.SerializerMethodField()

    class Meta:
        model = Book
        fields = ["id", "title", "price", "published", "age", "author"]

    def get_age(self, book: Book) -> int:
        return 2024 - book.published.year


class BookViewSet(viewsets.ReadOnlyModelViewSet):
    """Books, filtered by ?cheaper=."""

    serializer_class = BookSerializer

    def get_queryset(self) -> models.QuerySet:
        books = Book.objects.select_related("author")
        limit = self.request.query_params.get("cheaper")
        return books.filter(price__lt=limit) if limit else books


class AuthorViewSet(viewsets.ReadOnlyModelViewSet):
    """Authors with aggregates."""

    queryset = Author.objects.annotate(book_count=models.Count("books"))
    serializer_class = AuthorSerializer


router = routers.DefaultRouter()
router.register("books", BookViewSet, basename="book")
router.register("authors", AuthorViewSet)
urlpatterns = [path("api/", include(router.urls))]


def fill() -> None:
    """Makes the tables and their rows."""
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    for a in range(25):
        author = Author.objects.create(name=f"Author {a:02}", born=date(1900, 1, 1) + timedelta(days=a * 700))
        Book.objects.bulk_create(
            Book(author=author, title=f"Book {a}.{b}", price=f"{a + b}.95", published=date(1980 + a, 1 + b, 1))
            for b in range(8)
        )


def serve(fd: int) -> None:
    """Serves on the listening socket."""
    import waitress
    from django.core.wsgi import get_wsgi_application

    waitress.serve(get_wsgi_application(), sockets=[socket.socket(fileno=fd)], threads=4)


if sys.argv[1] == "fill":
    fill()
elif sys.argv[1] == "serve":
    serve(int(sys.argv[3]))
