# SPDX-License-Identifier: EUPL-1.2
"""Witnesses' signatures under the logs' heads.

Revision: 0005
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cosignatures",
        sa.Column("log", sa.String(), primary_key=True),
        sa.Column("witness", sa.String(), primary_key=True),
        sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("cosigned_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_cosignatures_log_size", "cosignatures", ["log", "size"])


def downgrade() -> None:
    op.drop_index("ix_cosignatures_log_size", "cosignatures")
    op.drop_table("cosignatures")
