# SPDX-License-Identifier: EUPL-1.2
"""Parties, presentations, what is kept of them, withdrawals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "administrations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("signer_url", sa.String(), nullable=False),
        sa.Column("x5c", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("api_token_digest", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("api_token_digest"),
        sa.UniqueConstraint("client_id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "sessions",
        sa.Column("id_digest", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("data", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id_digest"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "document_types",
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("vct", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("claim_labels", sa.String(), nullable=False),
        sa.Column("carries_status", sa.Boolean(), nullable=False),
        sa.Column("longest_validity_days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["administration_id"], ["administrations.id"]),
        sa.PrimaryKeyConstraint("administration_id", "vct"),
    )
    op.create_table(
        "presentations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("wallet_state", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("procedure_id", sa.String(), nullable=False),
        sa.Column("procedure_version", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("response_digest", sa.LargeBinary(), nullable=True),
        sa.Column("answer_status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("trouble_code", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["administration_id"], ["administrations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("administration_id", "id"),
        sa.UniqueConstraint("administration_id", "reference"),
        sa.UniqueConstraint("client_id", "nonce"),
        sa.UniqueConstraint("commitment"),
        sa.UniqueConstraint("request_id"),
        sa.UniqueConstraint("wallet_state"),
    )
    op.create_index("ix_presentations_administration_id", "presentations", ["administration_id"])
    op.create_index("ix_presentations_issued_at", "presentations", ["issued_at"])
    op.create_table(
        "procedures",
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("next_step", sa.String(), nullable=False),
        sa.Column("due_days", sa.Integer(), nullable=True),
        sa.Column("remedies", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["administration_id"], ["administrations.id"]),
        sa.PrimaryKeyConstraint("administration_id", "id", "version"),
    )
    op.create_table(
        "blocked_cases",
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("presentation_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("blocked_at", MOMENT, nullable=False),
        sa.Column("destroy_after", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["administration_id", "presentation_id"], ["presentations.administration_id", "presentations.id"]
        ),
        sa.PrimaryKeyConstraint("administration_id", "presentation_id"),
    )
    op.create_index("ix_blocked_cases_destroy_after", "blocked_cases", ["destroy_after"])
    op.create_table(
        "cases",
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("presentation_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["administration_id", "presentation_id"], ["presentations.administration_id", "presentations.id"]
        ),
        sa.PrimaryKeyConstraint("administration_id", "presentation_id"),
    )
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("administration_id", sa.String(), nullable=False),
        sa.Column("presentation_id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("promise", sa.String(), nullable=False),
        sa.Column("marker_promise", sa.String(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer_kind", sa.String(), nullable=True),
        sa.Column("answer_record", sa.LargeBinary(), nullable=True),
        sa.Column("answer_key", sa.LargeBinary(), nullable=True),
        sa.Column("answer_signature", sa.String(), nullable=True),
        sa.Column("answer_promise", sa.String(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("legal_ground", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["administration_id", "presentation_id"], ["presentations.administration_id", "presentations.id"]
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("administration_id", "commitment"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_withdrawals_administration_id", "withdrawals", ["administration_id"])
    op.create_index("ix_withdrawals_due_on", "withdrawals", ["due_on"])
    op.create_index("ix_withdrawals_presentation_id", "withdrawals", ["presentation_id"])


def downgrade() -> None:
    for table in (
        "withdrawals",
        "cases",
        "blocked_cases",
        "procedures",
        "presentations",
        "document_types",
        "sessions",
        "administrations",
    ):
        op.drop_table(table)
