"""psycopg's binary against a PostgreSQL server of its own: types, pipelines, COPY, cursors, asyncio.

The server is made in a temporary folder, listens on a socket there only, and ends with the program.
"""

import asyncio
import datetime
import decimal
import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import uuid

import psycopg
from psycopg import pq, sql
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types.json import Jsonb


def start(folder):
    """Makes a cluster and starts it; as root, for the user postgres, since the server will not run as root."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    options = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = os.path.join(folder, "data")
    quiet = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "cwd": folder, "check": True}
    make = [f"{programs}/initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(make, **quiet, **options)
    control = [f"{programs}/pg_ctl", "-D", data, "-w"]
    settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run([*control, "-l", f"{folder}/log", "-o", settings, "start"], **quiet, **options)
    return lambda: subprocess.run([*control, "-m", "immediate", "stop"], **quiet, **options)


def use(conninfo):
    with psycopg.connect(conninfo) as connection:
        print(pq.__impl__, connection.execute("select 1 + 1").fetchone())
        connection.execute(
            "create table thing"
            " (id serial primary key, name text, price numeric, at timestamptz, tags text[], data jsonb, u uuid)"
        )
        at = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
        rows = [
            (f"n{n}", decimal.Decimal(n) / 8, at, [f"t{n % 3}", None], Jsonb({"n": n}), uuid.UUID(int=n))
            for n in range(1000)
        ]
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into thing (name, price, at, tags, data, u) values (%s, %s, %s, %s, %s, %s) returning id",
                rows,
                returning=True,
            )
            print(cursor.rowcount)
        for binary in (False, True):
            cursor = connection.cursor(row_factory=dict_row, binary=binary)
            row = cursor.execute("select * from thing where id = %s", [77]).fetchone()
            print({**row, "at": row["at"].astimezone(datetime.UTC)})
        with connection.cursor().copy("copy thing (name, price) from stdin") as copy:
            for n in range(2000):
                copy.write_row((f"copied {n}", n))
        with connection.cursor().copy(
            "copy (select id, name from thing where id > 2990 order by id) to stdout"
        ) as copy:
            print(list(copy.rows()))
        with connection.pipeline():
            cursors = [connection.execute("select %s::int * 2", [n]) for n in range(300)]
            print(sum(cursor.fetchone()[0] for cursor in cursors))
        with connection.cursor("named", row_factory=namedtuple_row) as cursor:
            cursor.execute(
                sql.SQL("select {}, {} from thing order by id").format(*map(sql.Identifier, ("id", "price")))
            )
            print(sum(row.price for row in cursor), cursor.description[1].name)
        try:
            with connection.transaction():
                connection.execute("insert into thing (id) values (1)")
        except psycopg.errors.UniqueViolation as error:
            print(type(error).__name__, error.diag.constraint_name, error.sqlstate)
        for bad in ("select no", "select 1/0", "selec"):
            try:
                with connection.transaction():
                    connection.execute(bad)
            except psycopg.Error as error:
                print(type(error).__name__, str(error).splitlines()[0])
        connection.execute("listen channel")
        connection.commit()
        connection.execute("notify channel, 'hello'")
        connection.commit()
        print([(n.channel, n.payload) for n in connection.notifies(timeout=5, stop_after=1)])


async def use_async(conninfo):
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        async with connection.cursor() as cursor:
            await cursor.execute("select id, name from thing where id <= 500 order by id")
            print(sum([row[0] async for row in cursor]))
        answers = []
        for n in range(200):
            cursor = await connection.execute("select array_agg(i) from generate_series(1, %s) i", [n])
            answers.append((await cursor.fetchone())[0])
        print(sum(len(answer or ()) for answer in answers))


# Short, as the path of a socket must be.
folder = tempfile.mkdtemp(dir="/tmp")
try:
    stop = start(folder)
    try:
        conninfo = f"host={folder} user=tester dbname=postgres"
        use(conninfo)
        asyncio.run(use_async(conninfo))
    finally:
        stop()
finally:
    shutil.rmtree(folder)
sys.exit(0)
