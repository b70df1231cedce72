-- The tables of licence-signer as the commit e83cd48 (2026-11-25) makes them. A story migrates them; they never change.
CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
-- 1 audit record and leases
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    token BIGINT NOT NULL
);
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    department TEXT,
    action TEXT NOT NULL,
    matter TEXT,
    case_number TEXT,
    object TEXT,
    result TEXT NOT NULL,
    incident TEXT,
    place BIGINT,
    digest TEXT
);
CREATE UNIQUE INDEX audit_place ON audit (place);
CREATE INDEX audit_open ON audit (at, id) WHERE place IS NULL;
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_actor ON audit (actor, at);
CREATE INDEX audit_object ON audit (object, at);
CREATE TABLE audit_head (
    chain TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    token BIGINT NOT NULL
);
INSERT INTO audit_head (chain, size, digest, token) VALUES ('audit', 0, '', 0);
INSERT INTO schema_version (version, name) VALUES (1, 'audit record and leases');
-- 2 licences, status, log
-- Departments, the catalogue, the register of matters.
CREATE TABLE departments (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    body TEXT NOT NULL,
    saved_at BIGINT NOT NULL
);
CREATE TABLE licence_types (
    code TEXT NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (code, version)
);
CREATE TABLE matters (
    code TEXT NOT NULL PRIMARY KEY,
    department TEXT NOT NULL,
    region TEXT NOT NULL,
    body TEXT NOT NULL,
    saved_at BIGINT NOT NULL
);
-- Who stands behind a `sub` of ours, as userinfo said at sign-in: the keyed digest of the number, never the number.
CREATE TABLE subjects (
    sub TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    code_digest BYTEA NOT NULL,
    department TEXT,
    seen_at BIGINT NOT NULL
);
-- Licences, their versions, sealings and events.
CREATE TABLE licences (
    id TEXT NOT NULL PRIMARY KEY,
    type_code TEXT NOT NULL,
    type_version BIGINT NOT NULL,
    department TEXT NOT NULL,
    region TEXT NOT NULL,
    holder_kind TEXT NOT NULL,
    holder_digest BYTEA NOT NULL,
    number_digest BYTEA NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    state_since BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_end BIGINT,
    recorded_at BIGINT NOT NULL,
    released_at BIGINT
);
CREATE INDEX licences_department ON licences (department, recorded_at, id);
CREATE INDEX licences_holder ON licences (holder_digest, recorded_at, id);
CREATE INDEX licences_number ON licences (number_digest);
CREATE INDEX licences_open ON licences (recorded_at, id) WHERE released_at IS NULL;
CREATE TABLE versions (
    licence TEXT NOT NULL,
    version BIGINT NOT NULL,
    type_code TEXT NOT NULL,
    type_version BIGINT NOT NULL,
    identifier TEXT NOT NULL,
    facts BYTEA NOT NULL,
    disclosures BYTEA NOT NULL,
    facts_digest BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (licence, version)
);
CREATE INDEX versions_identifier ON versions (identifier);
CREATE TABLE sealings (
    id TEXT NOT NULL PRIMARY KEY,
    licence TEXT NOT NULL,
    version BIGINT NOT NULL,
    rendition TEXT NOT NULL,
    event TEXT NOT NULL,
    effective BIGINT NOT NULL,
    status_list TEXT NOT NULL,
    status_position BIGINT NOT NULL,
    leaf TEXT,
    salt BYTEA,
    leaf_key BYTEA,
    predecessor TEXT,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX sealings_licence ON sealings (licence, version);
-- What was signed, kept without the disclosures of a credential: these stand, encrypted, in its version.
CREATE TABLE renditions (
    sealing TEXT NOT NULL PRIMARY KEY,
    licence TEXT NOT NULL,
    version BIGINT NOT NULL,
    rendition TEXT NOT NULL,
    kid TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    body BYTEA NOT NULL
);
CREATE INDEX renditions_licence ON renditions (licence, version);
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    licence TEXT NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    legal_ground TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    department TEXT NOT NULL,
    at BIGINT NOT NULL,
    effective_at BIGINT NOT NULL,
    leaf TEXT NOT NULL
);
CREATE INDEX events_licence ON events (licence, at, id);
-- Status lists: positions are drawn at random and never used twice.
CREATE TABLE status_lists (
    list TEXT NOT NULL PRIMARY KEY,
    opened_at BIGINT NOT NULL,
    is_full BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE TABLE status_positions (
    list TEXT NOT NULL,
    position BIGINT NOT NULL,
    licence TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (list, position)
);
CREATE INDEX status_positions_licence ON status_positions (licence);
CREATE INDEX status_positions_set ON status_positions (list, position) WHERE value <> 0;
-- The log: leaves come in unordered, the sequencer gives them their places.
CREATE TABLE log_leaves (
    id TEXT NOT NULL PRIMARY KEY,
    entry BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    place BIGINT,
    proof TEXT
);
CREATE UNIQUE INDEX log_leaves_place ON log_leaves (place);
CREATE INDEX log_leaves_open ON log_leaves (recorded_at, id) WHERE place IS NULL;
CREATE TABLE log_tiles (
    level BIGINT NOT NULL,
    tile BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, tile)
);
CREATE TABLE log_head (
    origin TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    checkpoint TEXT NOT NULL,
    token BIGINT NOT NULL,
    at BIGINT NOT NULL
);
-- What an Idempotency-Key did. Refusals leave no row.
CREATE TABLE idempotency (
    scope BYTEA NOT NULL PRIMARY KEY,
    request BYTEA NOT NULL,
    licence TEXT NOT NULL,
    event TEXT,
    at BIGINT NOT NULL
);
-- Showing and looking.
CREATE TABLE presentations (
    id TEXT NOT NULL PRIMARY KEY,
    code_digest BYTEA NOT NULL,
    digits_digest BYTEA NOT NULL,
    licence TEXT NOT NULL,
    holder_digest BYTEA NOT NULL,
    items TEXT NOT NULL,
    verifier TEXT,
    purpose TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    resolved_by TEXT,
    resolved_at BIGINT,
    asked_by TEXT,
    asked TEXT,
    asked_at BIGINT,
    agreed_at BIGINT
);
CREATE UNIQUE INDEX presentations_code ON presentations (code_digest);
CREATE INDEX presentations_digits ON presentations (digits_digest);
CREATE INDEX presentations_end ON presentations (expires_at);
CREATE TABLE looks (
    id TEXT NOT NULL PRIMARY KEY,
    licence TEXT NOT NULL,
    holder_digest BYTEA NOT NULL,
    at BIGINT NOT NULL,
    way TEXT NOT NULL,
    actor TEXT NOT NULL,
    department TEXT NOT NULL,
    department_name TEXT NOT NULL,
    matter TEXT NOT NULL,
    case_number TEXT NOT NULL,
    purpose TEXT NOT NULL,
    items TEXT NOT NULL
);
CREATE INDEX looks_holder ON looks (holder_digest, at, id);
CREATE INDEX looks_licence ON looks (licence, at, id);
-- The trust bundle as last published.
CREATE TABLE trust_bundle (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    at BIGINT NOT NULL
);
INSERT INTO schema_version (version, name) VALUES (2, 'licences, status, log');
-- 3 sessions of the pages
CREATE TABLE page_sessions (
    id_digest BYTEA NOT NULL PRIMARY KEY,
    secrets BYTEA NOT NULL,
    checked_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX page_sessions_expiry ON page_sessions (expires_at);
INSERT INTO schema_version (version, name) VALUES (3, 'sessions of the pages');
