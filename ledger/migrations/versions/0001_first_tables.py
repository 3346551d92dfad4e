# SPDX-License-Identifier: EUPL-1.2
"""The log, its entries, nodes and checkpoints, the outbox of anchors, and leases.

Revision: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_table(
        "logs",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("checkpoint_key", sa.String(), nullable=False),
        sa.Column("promise_key", sa.String(), nullable=False),
        sa.Column("maximum_merge_delay", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", MOMENT, nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=True),
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("sealer", sa.String(), nullable=False),
        sa.Column("compared_at", MOMENT, nullable=True),
    )
    op.create_table(
        "entries",
        sa.Column("log", sa.String(), primary_key=True),
        sa.Column("commitment", sa.LargeBinary(), primary_key=True),
        sa.Column("promise", sa.String(), nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("leaf_index", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("log", "leaf_index", name="uq_entries_log_leaf_index"),
    )
    op.create_index("ix_entries_log_due_at", "entries", ["log", "due_at"])
    op.create_table(
        "nodes",
        sa.Column("log", sa.String(), primary_key=True),
        sa.Column("level", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("log", sa.String(), primary_key=True),
        sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("signed_at", MOMENT, nullable=False),
    )
    op.create_table(
        "anchors",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("prev_size", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("transaction_hash", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", MOMENT, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.UniqueConstraint("transaction_hash", name="uq_anchors_transaction_hash"),
    )
    op.create_index("ix_anchors_log_size", "anchors", ["log", "size"])


def downgrade() -> None:
    for table in ("anchors", "checkpoints", "nodes", "entries", "logs", "leases"):
        op.drop_table(table)
