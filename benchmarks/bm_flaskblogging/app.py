"""A blog on Flask-Blogging, SQLAlchemy and SQLite. `python app.py` fills the database that BLOG_DATABASE names."""

from __future__ import annotations

import datetime
import os

from flask import Flask
from flask_blogging import BloggingEngine, SQLAStorage
from flask_login import LoginManager, UserMixin
from sqlalchemy import MetaData, create_engine

POSTS = 40
TAGS = ("python", "compilers", "web", "testing", "databases")
PARAGRAPH = (
    "Some *emphasis*, some **more**, a [link](https://example.org/{number}) and `code({number})`; the rest of the "
    "paragraph is plain text of the length that people write.\n\n"
)

app = Flask(__name__)
app.config.update(
    SECRET_KEY="not a secret",
    BLOGGING_URL_PREFIX="/blog",
    BLOGGING_SITEURL="http://127.0.0.1",
    BLOGGING_SITENAME="The blog",
    BLOGGING_POSTS_PER_PAGE=10,
    BLOGGING_ALLOW_FILEUPLOAD=False,
)
storage = SQLAStorage(create_engine(f"sqlite:///{os.environ['BLOG_DATABASE']}"), metadata=MetaData())
blogging = BloggingEngine(app, storage)
login_manager = LoginManager(app)


class User(UserMixin):
    """Writes posts."""

    def __init__(self, number: str) -> None:
        self.id = number

    def get_name(self) -> str:
        return f"Author {self.id}"


@login_manager.user_loader
@blogging.user_loader
def load_user(number: str) -> User:
    return User(number)


def fill() -> None:
    """Writes the posts."""
    for number in range(POSTS):
        day = datetime.datetime(2020, 1, 1) + datetime.timedelta(days=number)
        storage.save_post(
            title=f"Post number {number}",
            text=f"# Heading {number}\n\n{PARAGRAPH.format(number=number) * 3}- one\n- two\n- three\n",
            user_id=str(number % 3),
            tags=[TAGS[number % len(TAGS)], TAGS[number * 2 % len(TAGS)]],
            draft=False,
            post_date=day,
            last_modified_date=day,
            post_id=None,
        )


if __name__ == "__main__":
    fill()
