# SPDX-License-Identifier: EUPL-1.2
"""Status list tokens that all processes share."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "status_tokens",
        sa.Column("uri", sa.String(), primary_key=True),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_status_tokens_fetched_at", "status_tokens", ["fetched_at"])


def downgrade() -> None:
    op.drop_table("status_tokens")
