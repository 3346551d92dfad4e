# SPDX-License-Identifier: EUPL-1.2
"""The trust registry's events, up to where it was read, and the list that follows from it.

Revision: 0003
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registry_events",
        sa.Column("contract", sa.String(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), primary_key=True),
        sa.Column("body", sa.String(), nullable=False),
    )
    op.create_table(
        "registry_places",
        sa.Column("contract", sa.String(), primary_key=True),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_time", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("running_hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "derived_lists",
        sa.Column("contract", sa.String(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    for name in ("derived_lists", "registry_places", "registry_events"):
        op.drop_table(name)
