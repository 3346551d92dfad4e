# SPDX-License-Identifier: EUPL-1.2
"""Administrations, their procedures and the types of documents they know."""

from __future__ import annotations

import json
import re

from sqlmodel import col, select

from protocol import jws
from protocol.errors import ConfigurationError, RequestError
from protocol.registration import Procedure
from protocol.runtime.database import Database
from verifier.model import RESERVED_IDS, Administration, DocumentType, ProcedureEntry, Texts
from verifier.tables import AdministrationRow, DocumentTypeRow, ProcedureRow

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class SqlParties:
    """The parties' half of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_administration(self, administration: Administration) -> None:
        """Add or replace. Raises `ConfigurationError` when the identifier cannot be part of an address."""
        if not _ID.fullmatch(administration.id) or administration.id in RESERVED_IDS:
            raise ConfigurationError(
                "configuration_error", f"{administration.id} cannot be an administration's id"
            )
        with self._database.write() as db:
            db.merge(
                AdministrationRow(
                    id=administration.id,
                    code=administration.code,
                    name=json.dumps(dict(administration.name)),
                    signer_url=administration.signer_url,
                    x5c=json.dumps(administration.x5c),
                    client_id=administration.client_id,
                    api_token_digest=administration.api_token_digest,
                )
            )

    def put_procedure(
        self,
        administration_id: str,
        statement: str,
        *,
        next_step: Texts,
        due_days: int | None,
        remedies: dict[str, Texts],
    ) -> None:
        """Add or replace the version of the procedure that the statement registers.

        The statement is believed only when a request starts, by the trust list; here it only names itself.
        """
        procedure = Procedure.parse(jws.parse(statement).claims())
        with self._database.write() as db:
            db.merge(
                ProcedureRow(
                    administration_id=administration_id,
                    id=procedure.id,
                    version=procedure.version,
                    statement=statement,
                    next_step=json.dumps(dict(next_step)),
                    due_days=due_days,
                    remedies=json.dumps({check: dict(texts) for check, texts in remedies.items()}),
                )
            )

    def put_document_type(self, administration_id: str, kind: DocumentType) -> None:
        """Add or replace."""
        with self._database.write() as db:
            db.merge(
                DocumentTypeRow(
                    administration_id=administration_id,
                    vct=kind.vct,
                    name=json.dumps(dict(kind.name)),
                    claim_labels=json.dumps({name: dict(texts) for name, texts in kind.claim_labels.items()}),
                    carries_status=kind.carries_status,
                    longest_validity_days=kind.longest_validity_days,
                )
            )

    def administrations(self) -> list[Administration]:
        """Return all, by identifier: for the page where visitors choose one."""
        with self._database.read() as db:
            rows = db.exec(select(AdministrationRow).order_by(col(AdministrationRow.id))).all()
            return [_administration(row) for row in rows]

    def get_administration(self, administration_id: str) -> Administration:
        """Return one. Raises `RequestError` (`not_found`)."""
        with self._database.read() as db:
            row = db.get(AdministrationRow, administration_id)
            if row is None:
                raise RequestError("not_found", "there is no such administration", status=404)
            return _administration(row)

    def find_administration_by_code(self, code: str) -> Administration | None:
        """Return the administration with this code, or None."""
        with self._database.read() as db:
            row = db.exec(select(AdministrationRow).where(AdministrationRow.code == code)).first()
            return None if row is None else _administration(row)

    def find_administration_by_token(self, token_digest: bytes) -> Administration | None:
        """Return the administration whose back-office token has this digest, or None."""
        with self._database.read() as db:
            row = db.exec(
                select(AdministrationRow).where(AdministrationRow.api_token_digest == token_digest)
            ).first()
            return None if row is None else _administration(row)

    def procedures(self, administration_id: str) -> list[ProcedureEntry]:
        """Return the newest version of each procedure of this administration, by identifier."""
        newest: dict[str, ProcedureEntry] = {}
        with self._database.read() as db:
            rows = db.exec(
                select(ProcedureRow)
                .where(ProcedureRow.administration_id == administration_id)
                .order_by(col(ProcedureRow.id), col(ProcedureRow.version))
            ).all()
            for row in rows:
                newest[row.id] = _procedure(row)
        return list(newest.values())

    def get_procedure(self, administration_id: str, procedure_id: str, *, version: int | None) -> ProcedureEntry:
        """Return one version, or the newest (None). Raises `RequestError` (`unknown_procedure`)."""
        query = select(ProcedureRow).where(
            ProcedureRow.administration_id == administration_id, ProcedureRow.id == procedure_id
        )
        if version is not None:
            query = query.where(ProcedureRow.version == version)
        with self._database.read() as db:
            row = db.exec(query.order_by(col(ProcedureRow.version).desc())).first()
            if row is None:
                raise RequestError("unknown_procedure", "the administration has no such procedure", status=404)
            return _procedure(row)

    def document_types(self, administration_id: str) -> dict[str, DocumentType]:
        """Return the types that this administration knows, by `vct`."""
        with self._database.read() as db:
            rows = db.exec(
                select(DocumentTypeRow).where(DocumentTypeRow.administration_id == administration_id)
            ).all()
            return {row.vct: _document_type(row) for row in rows}


def _administration(row: AdministrationRow) -> Administration:
    return Administration(
        id=row.id,
        code=row.code,
        name=json.loads(row.name),
        signer_url=row.signer_url,
        x5c=tuple(json.loads(row.x5c)),
        client_id=row.client_id,
        api_token_digest=row.api_token_digest,
    )


def _procedure(row: ProcedureRow) -> ProcedureEntry:
    return ProcedureEntry(
        administration_id=row.administration_id,
        id=row.id,
        version=row.version,
        statement=row.statement,
        next_step=json.loads(row.next_step),
        due_days=row.due_days,
        remedies=json.loads(row.remedies),
    )


def _document_type(row: DocumentTypeRow) -> DocumentType:
    return DocumentType(
        vct=row.vct,
        name=json.loads(row.name),
        claim_labels=json.loads(row.claim_labels),
        carries_status=row.carries_status,
        longest_validity_days=row.longest_validity_days,
    )
