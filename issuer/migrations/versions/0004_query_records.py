# SPDX-License-Identifier: EUPL-1.2
"""Queries are entries of the ledger: their records, the outbox's lease, the trust list, whom to complain to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
WORDS = ("privacy_url", "dpa_name", "dpa_contact")


def upgrade() -> None:
    op.create_table(
        "query_records",
        sa.Column("commitment", sa.LargeBinary(), primary_key=True),
        sa.Column("administration_id", sa.String(), sa.ForeignKey("administrations.id"), nullable=False),
        sa.Column("query_id", sa.String(), sa.ForeignKey("queries.id"), nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("keep_until", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("promise", sa.String(), nullable=True),
    )
    op.create_index("ix_query_records_query_id", "query_records", ["query_id"], unique=True)
    op.create_index("ix_query_records_kept", "query_records", ["administration_id", "keep_until"])
    op.create_index("ix_query_records_waiting", "query_records", ["promise", "attempts", "due_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_table(
        "trust_lists",
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("fetched_at", MOMENT, nullable=False),
    )
    for name in WORDS:
        # an office that has not said them asks nobody until it does
        op.add_column("administrations", sa.Column(name, sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for name in WORDS:
        op.drop_column("administrations", name)
    op.drop_table("trust_lists")
    op.drop_table("leases")
    op.drop_table("query_records")
