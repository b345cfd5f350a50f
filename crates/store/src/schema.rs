//! The tables, as steps that are applied once each. A step is never edited after it was released.

/// SQL that makes the schema, in the order in which it is applied; `Store::open` applies what a
/// database has not had yet.
pub(crate) static STEPS: &[&str] = &[
    r"
CREATE TABLE tenant (
    id BLOB PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE TABLE enrol_code (
    hash BLOB PRIMARY KEY,
    tenant BLOB NOT NULL REFERENCES tenant (id),
    expires_at INTEGER NOT NULL,
    used_at INTEGER
);
CREATE TABLE agent (
    id BLOB PRIMARY KEY,
    tenant BLOB NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    identity_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    heartbeat_at INTEGER,
    version TEXT,
    clock_difference_ms INTEGER,
    directory_reachable INTEGER NOT NULL DEFAULT 0
);
-- One row per generation of keys; the confirmed one with the latest offer is current.
CREATE TABLE agent_key (
    agent BLOB NOT NULL REFERENCES agent (id),
    key_id BLOB NOT NULL,
    spki BLOB NOT NULL,
    package_key BLOB NOT NULL,
    listen_key BLOB NOT NULL,
    offered_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    PRIMARY KEY (agent, key_id)
);
CREATE TABLE person (
    id TEXT PRIMARY KEY,
    tenant BLOB NOT NULL REFERENCES tenant (id),
    source_anchor TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_name_folded TEXT NOT NULL,
    resource TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (tenant, source_anchor),
    UNIQUE (tenant, user_name_folded)
);
CREATE TABLE flow (
    id BLOB PRIMARY KEY,
    cookie_hash BLOB NOT NULL UNIQUE,
    tenant BLOB NOT NULL REFERENCES tenant (id),
    -- Absent for a decoy: a name that nobody has.
    person TEXT,
    -- A pseudonym of the name that was typed: what is counted per name, for decoys too.
    name BLOB NOT NULL,
    locale TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE INDEX flow_by_expiry ON flow (expires_at);
CREATE TABLE fact (
    flow BLOB NOT NULL REFERENCES flow (id),
    method TEXT NOT NULL,
    passed_at INTEGER NOT NULL,
    PRIMARY KEY (flow, method)
);
CREATE TABLE code (
    flow BLOB PRIMARY KEY REFERENCES flow (id),
    hash BLOB NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 1,
    consumed_at INTEGER
);
CREATE TABLE operation (
    request BLOB PRIMARY KEY,
    tenant BLOB NOT NULL REFERENCES tenant (id),
    flow BLOB NOT NULL REFERENCES flow (id),
    person TEXT NOT NULL,
    operation INTEGER NOT NULL,
    state TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    submitted_at INTEGER,
    agent BLOB,
    outcome TEXT,
    details TEXT,
    settled_at INTEGER
);
CREATE INDEX operation_by_flow ON operation (flow, submitted_at);
-- One operation in flight per person (SPEC W-12).
CREATE UNIQUE INDEX operation_in_flight ON operation (person) WHERE state IN ('waiting', 'sent');
CREATE INDEX operation_in_doubt ON operation (person) WHERE state = 'unknown';
-- What a ticket was issued for: one header per agent.
CREATE TABLE ticket (
    request BLOB NOT NULL REFERENCES operation (request),
    agent BLOB NOT NULL REFERENCES agent (id),
    key_id BLOB NOT NULL,
    PRIMARY KEY (request, agent)
);
CREATE TABLE throttle (
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    since INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (name, subject)
);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    tenant BLOB,
    request BLOB,
    flow BLOB,
    event TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
);
",
    r"
-- Stands for the entries of the audit trail that were forgotten (see `database::chain`).
CREATE TABLE audit_anchor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
);
",
    r"
-- Whether the agent's breaker is open; NULL where it did not say.
ALTER TABLE agent ADD COLUMN breaker_open INTEGER;
",
    r"
-- Whoever is to be cut off is looked for every few seconds.
CREATE INDEX agent_revoked ON agent (revoked_at) WHERE revoked_at IS NOT NULL;
",
    r"
-- Whether a person has set a password meanwhile is looked at with every submission.
CREATE INDEX operation_answered ON operation (person, settled_at) WHERE state = 'answered';
",
];
