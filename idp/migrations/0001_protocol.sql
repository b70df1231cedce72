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
