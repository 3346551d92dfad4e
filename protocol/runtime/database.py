# SPDX-License-Identifier: EUPL-1.2
"""Databases by URL: `sqlite:///FILE` or `postgresql+psycopg://…`; migrations by Alembic.

- On SQLite every commit is durable (`synchronous=FULL`, WAL) and a writing transaction takes its lock at
  once (`BEGIN IMMEDIATE`), so that two processes never deadlock on an upgrade from reading to writing.
- What is deleted on SQLite is overwritten (`secure_delete`), and `forget()` empties the write-ahead log, where it
  would otherwise stand until that is written over. On PostgreSQL both are the operator's (docs/operations.md).
- Each service has its own registry, so its tables never mix with another service's in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, Dialect, Engine, TypeDecorator, create_engine, event, text
from sqlalchemy.exc import DataError, OperationalError
from sqlmodel import Session

from protocol.errors import ConfigurationError, RequestError, UnavailableError

# Longer than any transaction of ours, shorter than a browser's patience.
BUSY_TIMEOUT_MS = 10_000
# any number that nothing else in the database locks
_MIGRATION_LOCK = 8_104


class Moment(TypeDecorator[datetime]):
    """A column of aware datetimes in UTC; SQLite forgets the zone, this puts it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        del dialect
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Database:
    """One database; `read()` and `write()` give sessions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(testimoni_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session for reading; nothing is committed. Raises `RequestError` as `write` does."""
        with _readable(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose transaction is committed at the end, or rolled back on any error.

        Raises `UnavailableError` when the database does not answer, stays locked or is full, and `RequestError`
        when it cannot hold a value: PostgreSQL has no text with the character NUL, and numbers have a size.
        """
        try:
            with _readable(), Session(self._writer, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as exc:
            raise UnavailableError("temporarily_unavailable", "the database does not answer, or is full") from exc

    def forget(self) -> None:
        """Leave nothing of deleted rows in SQLite's files; on PostgreSQL this does nothing.

        Raises `UnavailableError` when somebody reads so long that the write-ahead log cannot be emptied.
        """
        if self.engine.dialect.name != "sqlite":
            return
        # the driver itself: a pragma must be outside of transactions and change no setting of the connection
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_busy, _, _) = cursor.fetchone() or (1, 0, 0)
            cursor.close()
        finally:
            connection.close()
        if is_busy:
            raise UnavailableError("temporarily_unavailable", "the database is read meanwhile; try again")

    def check(self) -> None:
        """Raise `UnavailableError` unless the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as exc:
            raise UnavailableError("temporarily_unavailable", "the database does not answer") from exc


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except DataError as exc:
        raise RequestError(
            "invalid_request", "a value cannot be stored: a character or a number is refused"
        ) from exc


def open_database(url: str) -> Database:
    """Return the database at this URL; connects at first use.

    Raises `ConfigurationError` when the scheme is not one of ours.
    """
    if url.startswith("postgresql+psycopg://"):
        return Database(create_engine(url, pool_pre_ping=True))
    if not url.startswith("sqlite:///"):
        raise ConfigurationError("configuration_error", "database_url is neither sqlite nor postgresql+psycopg")
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: object, _record: object) -> None:
        # the driver must not begin transactions by itself: `_on_begin` does
        connection.isolation_level = None  # type: ignore[attr-defined]  # DB-API connection of sqlite3
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("testimoni_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Database(engine)


@contextmanager
def _alembic(package: str) -> Iterator[Config]:
    with as_file(files(package) / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        yield config


def migrate(database: Database, package: str) -> None:
    """Bring the service's tables to the newest revision; safe to repeat and to run from several processes."""
    with (
        _alembic(package) as config,
        database.engine.execution_options(testimoni_write=True).begin() as connection,
    ):
        if connection.dialect.name == "postgresql":
            # one process makes the tables and the others find them; SQLite's transaction has its lock already
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_exists(database: Database) -> None:
    """Raise `UnavailableError` when the database is a file that is not there: connecting would make it."""
    url = database.engine.url
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise UnavailableError("temporarily_unavailable", f"there is no database {url.database}")


def check_migrated(database: Database, package: str) -> None:
    """Raise `UnavailableError` unless the tables are at the newest revision."""
    database.check()
    with _alembic(package) as config, database.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        newest = ScriptDirectory.from_config(config).get_current_head()
    if current != newest:
        raise UnavailableError("temporarily_unavailable", f"database revision is {current}, expected {newest}")
