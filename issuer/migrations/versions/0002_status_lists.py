# SPDX-License-Identifier: EUPL-1.2
"""Status lists, and the entry of each copy."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "status_lists",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("administration_id", sa.String(), sa.ForeignKey("administrations.id"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("bits", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("order_key", sa.LargeBinary(), nullable=True),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("signed_version", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
    )
    op.create_index("ix_status_lists_number", "status_lists", ["administration_id", "number"], unique=True)
    op.add_column("copies", sa.Column("status_list_id", sa.String(), nullable=True))
    op.add_column("copies", sa.Column("status_index", sa.Integer(), nullable=True))
    op.add_column("copies", sa.Column("revoked_at", MOMENT, nullable=True))
    op.add_column("copies", sa.Column("revocation_reason", sa.String(), nullable=True))
    op.create_index("ix_copies_status", "copies", ["status_list_id", "status_index"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_copies_status", "copies")
    for column in ("revocation_reason", "revoked_at", "status_index", "status_list_id"):
        op.drop_column("copies", column)
    op.drop_table("status_lists")
