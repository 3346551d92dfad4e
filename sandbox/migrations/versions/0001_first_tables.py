# SPDX-License-Identifier: EUPL-1.2
"""Sessions, sign-on sessions, codes, tokens and transmissions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id_digest", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("data", sa.String(), nullable=False),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "sign_ons",
        sa.Column("digest", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_index("ix_sign_ons_expires_at", "sign_ons", ["expires_at"])
    op.create_table(
        "codes",
        sa.Column("digest", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("sign_on", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_codes_expires_at", "codes", ["expires_at"])
    op.create_table(
        "tokens",
        sa.Column("digest", sa.LargeBinary(), primary_key=True, nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("sign_on", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_index("ix_tokens_code", "tokens", ["code"])
    op.create_index("ix_tokens_expires_at", "tokens", ["expires_at"])
    op.create_table(
        "transmissions",
        sa.Column("identifier", sa.String(), primary_key=True, nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
    )


def downgrade() -> None:
    for table in ("transmissions", "tokens", "codes", "sign_ons", "sessions"):
        op.drop_table(table)
