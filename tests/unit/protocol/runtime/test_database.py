# SPDX-License-Identifier: EUPL-1.2
"""The database: forgetting leaves the connection as it was."""

from __future__ import annotations

from protocol.runtime.database import open_database


def test_forget_empties_the_write_ahead_log_and_leaves_transactions_to_us(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/x.sqlite")
    with database.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE things (name TEXT)")
        session.connection().exec_driver_sql("INSERT INTO things VALUES ('a')")
    database.forget()
    assert (tmp_path / "x.sqlite-wal").stat().st_size == 0
    connection = database.engine.raw_connection()
    assert connection.driver_connection.isolation_level is None
    connection.close()
