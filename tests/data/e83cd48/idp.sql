-- The tables of idp as the commit e83cd48 (2026-11-25) makes them. A story migrates them; they never change.
CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
-- 1 protocol
-- What the protocol keeps. Secrets, codes and opaque tokens stand as digests ("s256." and base64url of SHA-256).

-- What is decided once: the mark `demonstration`, the passkey RP ID.
CREATE TABLE installation (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE clients (
    client_id TEXT NOT NULL PRIMARY KEY,
    registration TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE TABLE resources (
    resource TEXT NOT NULL PRIMARY KEY,
    registration TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One person in one browser. The browser's secret changes at every sign-in; rows of other persons move with it.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    browser_digest TEXT NOT NULL,
    sid_salt TEXT NOT NULL,
    person_id TEXT NOT NULL,
    acr BIGINT NOT NULL,
    amr TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    device TEXT NOT NULL
);
CREATE INDEX sessions_browser ON sessions (browser_digest);
CREATE INDEX sessions_person ON sessions (person_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- A stored authorization request, then the interaction that answers it, then its code, then the family of its tokens.
CREATE TABLE authorizations (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    request TEXT NOT NULL,
    login_hint BYTEA,
    browser_digest TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    session_id TEXT,
    authenticated_at BIGINT,
    acting TEXT,
    consented_at BIGINT,
    ended_at BIGINT,
    code_digest TEXT,
    code_expires_at BIGINT,
    taken_at BIGINT,
    granted TEXT,
    person_id TEXT,
    organisation_id TEXT,
    mandate_id TEXT,
    offline BIGINT NOT NULL DEFAULT 0,
    revoked_at BIGINT
);
CREATE UNIQUE INDEX authorizations_code ON authorizations (code_digest);
CREATE INDEX authorizations_session ON authorizations (session_id, client_id);
CREATE INDEX authorizations_person ON authorizations (person_id, client_id);
CREATE INDEX authorizations_expiry ON authorizations (expires_at);

CREATE TABLE refresh_tokens (
    digest TEXT NOT NULL PRIMARY KEY,
    family_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    predecessor TEXT,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    uses BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_predecessor ON refresh_tokens (predecessor);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- JWT access tokens that were revoked one by one (RFC 7009); each row leaves when its token would have expired.
CREATE TABLE revoked_tokens (
    jti TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

-- `sub`: random, kept for (person or organisation, sector) from its first use on.
CREATE TABLE subjects (
    principal TEXT NOT NULL,
    sector TEXT NOT NULL,
    sub TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (principal, sector)
);

CREATE INDEX subjects_sub ON subjects (sector, sub);

-- What a person let a client have; organisation_id is empty where the person acts for nobody.
CREATE TABLE consents (
    person_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, client_id, organisation_id)
);

-- Assertions of clients that were used (RFC 7523 §3, jti).
CREATE TABLE seen_assertions (
    client_id TEXT NOT NULL,
    jti_digest TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti_digest)
);
CREATE INDEX seen_assertions_expiry ON seen_assertions (expires_at);
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);
INSERT INTO schema_version (version, name) VALUES (1, 'protocol');
-- 2 audit
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
INSERT INTO schema_version (version, name) VALUES (2, 'audit');
-- 10 people
-- Persons, organisations, mandates. The protocol's statements read the columns that stand here (storage/people.rs).

-- state: active | locked | closed. name is sealed for ("persons", "name", id).
CREATE TABLE persons (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    name BYTEA NOT NULL,
    locale TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- number is sealed for ("identity_documents", "number", id); is_current is 1 for the one that claims are made of.
CREATE TABLE identity_documents (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL,
    id_type TEXT NOT NULL,
    number BYTEA NOT NULL,
    number_digest BYTEA NOT NULL,
    is_current BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX identity_documents_digest ON identity_documents (number_digest);
CREATE INDEX identity_documents_person ON identity_documents (person_id);

-- number is sealed for ("phones", "number", person_id); verified is 0 or 1.
CREATE TABLE phones (
    person_id TEXT NOT NULL PRIMARY KEY,
    number BYTEA NOT NULL,
    number_digest BYTEA NOT NULL,
    verified BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL
);
CREATE INDEX phones_digest ON phones (number_digest);

-- state: registered | deregistered.
CREATE TABLE organisations (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    state TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX organisations_code ON organisations (code);

-- role: legal_representative | administrator | operator; matters: blank-separated; starts_at <= t < until (no end: null).
CREATE TABLE mandates (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL,
    organisation_id TEXT NOT NULL,
    role TEXT NOT NULL,
    matters TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    until BIGINT,
    ended_at BIGINT,
    given_by TEXT
);
CREATE INDEX mandates_person ON mandates (person_id);
CREATE INDEX mandates_organisation ON mandates (organisation_id);
INSERT INTO schema_version (version, name) VALUES (10, 'people');
-- 11 sign-in
-- How people are recognised. No number, phone or name stands here in clear.

-- Whom a number or a phone leads to at sign-in: one person, by the strongest proof. digest: keyed, over kind and number.
CREATE TABLE claims (
    digest BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id TEXT NOT NULL,
    level BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX claims_person ON claims (person_id);

-- Why an identity is believed: means, source, result and time, never overwritten; voided_at ends one.
CREATE TABLE evidence (
    id TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL,
    means TEXT NOT NULL,
    source TEXT NOT NULL,
    result TEXT NOT NULL,
    level BIGINT NOT NULL,
    at BIGINT NOT NULL,
    voided_at BIGINT
);
CREATE INDEX evidence_person ON evidence (person_id);

-- hash: a PHC string, which names its algorithm and parameters.
CREATE TABLE passwords (
    person_id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- The random handle that authenticators keep beside a person's passkeys (WebAuthn L3 §5.4.3).
CREATE TABLE passkey_handles (
    person_id TEXT NOT NULL PRIMARY KEY,
    handle TEXT NOT NULL
);
CREATE UNIQUE INDEX passkey_handles_handle ON passkey_handles (handle);

CREATE TABLE passkeys (
    credential_id BYTEA NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    title TEXT NOT NULL,
    record TEXT NOT NULL,
    transports TEXT NOT NULL,
    backup_eligible BIGINT,
    backed_up BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    removed_at BIGINT
);
CREATE INDEX passkeys_person ON passkeys (person_id);

-- Challenges that are out. One interaction or session has one at a time.
CREATE TABLE ceremonies (
    id TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    person_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ceremonies_expiry ON ceremonies (expires_at);

-- Devices on which a person has signed in before: attempts made from them are counted apart.
CREATE TABLE known_devices (
    device_digest TEXT NOT NULL,
    person_id TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (device_digest, person_id)
);
CREATE INDEX known_devices_expiry ON known_devices (expires_at);

-- Tries, counted before each is judged. bucket: digest over factor, what is tried and where from.
CREATE TABLE attempts (
    bucket TEXT NOT NULL PRIMARY KEY,
    tries BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_expiry ON attempts (expires_at);

-- Self-registration under way. name, number, phone are sealed for ("registrations", column, id); code_digest is keyed.
-- purpose: register | anew | confirm (person_id is whose level is to rise).
CREATE TABLE registrations (
    id TEXT NOT NULL PRIMARY KEY,
    browser_digest TEXT NOT NULL,
    interaction_id TEXT,
    purpose TEXT NOT NULL,
    person_id TEXT,
    name BYTEA NOT NULL,
    number BYTEA NOT NULL,
    phone BYTEA NOT NULL,
    matched BIGINT NOT NULL,
    phone_is_held BIGINT NOT NULL,
    code_digest BYTEA NOT NULL,
    sent_at BIGINT NOT NULL,
    code_expires_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    level BIGINT NOT NULL,
    confirmed_at BIGINT,
    ready_at BIGINT,
    ended_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX registrations_expiry ON registrations (expires_at);

ALTER TABLE mandates ADD COLUMN given_at BIGINT;
ALTER TABLE mandates ADD COLUMN ended_by TEXT;
INSERT INTO schema_version (version, name) VALUES (11, 'sign-in');
