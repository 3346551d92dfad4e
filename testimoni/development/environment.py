# SPDX-License-Identifier: EUPL-1.2
"""The settings of each service of a development set-up, as environment variables."""

from __future__ import annotations

import json

from testimoni.development.log_keys import BATCH_INTERVAL_SECONDS, CHAIN_ID
from testimoni.development.registry import LIST_LIFETIME, MAXIMUM_BLOCK_AGE
from testimoni.development.setup import SIGN_IN, STORED, SetUp

# the practice sign-in says them in the language of the page
_SHOWN_NAMES = {"issuer": "Documents office", "wallet": "My documents", "verifier": "Procedures desk"}
# what is taken back counts no longer than this, so that a visitor sees it happen
TRUST_LIST_REFRESH_SECONDS = 5
_SOAP_PATH = "/siri-proxy/services/Sincron"


def environment(made: SetUp, service: str) -> dict[str, str]:
    """Return the service's settings."""
    own = {"issuer": _issuer, "wallet": _wallet, "verifier": _verifier, "ledger": _ledger, "sandbox": _sandbox}
    values = _shared(made, service) | (own[service](made) if service in own else _tour(made))
    return {f"TESTIMONI_{service.upper()}_{name.upper()}": value for name, value in values.items()}


def trust_list_url(ledger: str) -> str:
    """Return where a ledger serves the trust list that it derives from the registry."""
    return f"{ledger}/trust/v1/list"


def chain_arguments(made_folder_database: str, port: int, account: str, seal_key: str) -> list[str]:
    """Return the command line of the embedded node."""
    return [
        *("-m", "ledger.chain.node"),
        *("--database", made_folder_database),
        *("--port", str(port)),
        *("--chain-id", str(CHAIN_ID)),
        *("--genesis-accounts", account),
        *("--seal-key-files", seal_key),
    ]


def _shared(made: SetUp, service: str) -> dict[str, str]:
    values = {
        "environment": "development",
        "public_url": made.layout.url(service),
        "secret_key": made.folder.secret(service),
        "trust_anchor_file": str(made.folder.anchor_file),
        "trust_list_url": trust_list_url(made.layout.url("ledger")),
        "trust_list_refresh_seconds": str(TRUST_LIST_REFRESH_SECONDS),
        "allowed_private_origins": json.dumps(made.layout.origins),
    }
    if made.tls:
        values["private_ca_file"] = str(made.tls[0])
    if service in STORED:
        values["database_url"] = made.folder.database_url(service)
    else:
        values["database_url"] = "sqlite:///:memory:"
    return values


def _sign_in(made: SetUp, service: str) -> dict[str, str]:
    return {
        "valid_url": made.layout.url("sandbox"),
        "valid_browser_url": made.layout.url("sandbox"),
        "valid_client_id": f"{service}.testimoni.example",
        "valid_client_secret": made.folder.secret(f"valid-{service}"),
    }


def _issuer(made: SetUp) -> dict[str, str]:
    return (
        _sign_in(made, "issuer")
        | _recorder(made, "issuer")
        | {
            "wallet_url": made.layout.url("wallet"),
            "via_oberta_endpoint": made.layout.url("sandbox") + _SOAP_PATH,
        }
    )


def _wallet(made: SetUp) -> dict[str, str]:
    issuers = [party.issuer_identifier for party in made.parties.values()]
    return (
        _sign_in(made, "wallet")
        | _recorder(made, "wallet")
        | {
            "issuers": json.dumps(issuers),
        }
    )


def _verifier(made: SetUp) -> dict[str, str]:
    return (
        _sign_in(made, "verifier")
        | _recorder(made, "verifier")
        | {
            "wallet_url": made.layout.url("wallet"),
            "blocking_key_file": str(made.folder.blocking_key_file),
        }
    )


def _recorder(made: SetUp, name: str) -> dict[str, str]:
    return {
        "ledger_url": made.layout.url("ledger"),
        "log_origin": made.log.origin,
        "recorder_token_file": str(made.folder.recorder_token_file(name)),
    }


def _ledger(made: SetUp) -> dict[str, str]:
    files, chain = made.folder.log_files, made.log.chain
    return {
        "origin": made.log.origin,
        "promise_key_file": str(files.promise_key),
        "checkpoint_key_file": str(files.checkpoint_key),
        "sealer_key_file": str(files.sealer_key),
        "chain_url": made.layout.url("chain"),
        "chain_id": str(CHAIN_ID),
        "contract": chain.contract if chain else "",
        "validators": json.dumps(
            [each for named in (chain.validators if chain else ()) for each in named.addresses]
        ),
        "registry": made.registry.contract,
        "registrar_key_file": str(made.folder.registrar_key_file),
        "registrar_certificate_file": str(made.folder.registrar_certificate_file),
        "trust_list_lifetime_seconds": str(int(LIST_LIFETIME.total_seconds())),
        "maximum_block_age_seconds": str(int(MAXIMUM_BLOCK_AGE.total_seconds())),
        "batch_interval_seconds": str(BATCH_INTERVAL_SECONDS),
        "maximum_merge_delay_seconds": str(int(made.log.maximum_merge_delay.total_seconds())),
    }


def _sandbox(made: SetUp) -> dict[str, str]:
    clients = [
        {
            "client_id": f"{service}.testimoni.example",
            "client_secret": made.folder.secret(f"valid-{service}"),
            "redirect_uris": [f"{made.layout.url(service)}/valid/callback"],
            "name": _SHOWN_NAMES[service],
        }
        for service in SIGN_IN
    ]
    return {"clients": json.dumps(clients)}


def _tour(made: SetUp) -> dict[str, str]:
    urls = {f"{service}_url": made.layout.url(service) for service in (*STORED, "chain")}
    return urls | {"evidence_trust_file": str(made.folder.trust_file)}
