# SPDX-License-Identifier: EUPL-1.2
"""Recorders with their quotas; the end of a log, and when a worker last knew its copy to be the newest.

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("logs", sa.Column("attended_at", MOMENT, nullable=True))
    op.add_column("logs", sa.Column("freezes_at", MOMENT, nullable=True))
    op.create_table(
        "recorders",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("period_at", MOMENT, nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("recorders")
    op.drop_column("logs", "freezes_at")
    op.drop_column("logs", "attended_at")
