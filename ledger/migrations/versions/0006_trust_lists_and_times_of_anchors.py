# SPDX-License-Identifier: EUPL-1.2
"""The newest trust list that any process has seen, and the way to what was anchored before a moment."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trust_lists",
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_anchors_log_settled_at", "anchors", ["log", "settled_at"])


def downgrade() -> None:
    op.drop_index("ix_anchors_log_settled_at", "anchors")
    op.drop_table("trust_lists")
