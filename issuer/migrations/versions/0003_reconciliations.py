# SPDX-License-Identifier: EUPL-1.2
"""Signed comparisons of an office's books."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("administration_id", sa.String(), sa.ForeignKey("administrations.id"), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_reconciliations_administration_id", "reconciliations", ["administration_id"])


def downgrade() -> None:
    op.drop_table("reconciliations")
