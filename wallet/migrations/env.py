# SPDX-License-Identifier: EUPL-1.2
"""Runs the wallet's migrations on the connection that `protocol.runtime.database.migrate` gives."""

from alembic import context

from wallet.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
