# SPDX-License-Identifier: EUPL-1.2
"""What auditors ask for, what is handed over, each access; and of which questions the record was destroyed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "records_requests",
        sa.Column("administration_id", sa.String(), sa.ForeignKey("administrations.id"), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("auditor_code", sa.String(), nullable=False),
        sa.Column("auditor_name", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
    )
    op.create_index("ix_records_requests_due_on", "records_requests", ["due_on"])
    op.create_table(
        "records_accesses",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("auditor_name", sa.String(), nullable=False),
        sa.Column("access", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["administration_id", "request_id"], ["records_requests.administration_id", "records_requests.id"]
        ),
    )
    op.create_index("ix_records_accesses_request_id", "records_accesses", ["request_id"])
    op.create_index("ix_records_accesses_access", "records_accesses", ["access"], unique=True)
    op.create_table(
        "destroyed_records",
        sa.Column("commitment", sa.LargeBinary(), primary_key=True),
        sa.Column("administration_id", sa.String(), sa.ForeignKey("administrations.id"), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
    )
    op.create_index("ix_destroyed_records_of", "destroyed_records", ["administration_id", "asked_on"])


def downgrade() -> None:
    op.drop_table("destroyed_records")
    op.drop_table("records_accesses")
    op.drop_table("records_requests")
