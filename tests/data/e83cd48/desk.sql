-- The tables of desk as the commit e83cd48 (2026-11-25) makes them. A story migrates them; they never change.
CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
-- 1 sessions, reports
CREATE TABLE sessions (
    id_digest BYTEA NOT NULL PRIMARY KEY,
    department TEXT NOT NULL,
    department_name TEXT NOT NULL,
    clerk TEXT NOT NULL,
    secrets BYTEA NOT NULL,
    matter TEXT,
    case_number TEXT,
    purpose TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE TABLE reports (
    id TEXT NOT NULL PRIMARY KEY,
    clerk TEXT NOT NULL,
    department TEXT NOT NULL,
    at BIGINT NOT NULL,
    title_zh TEXT NOT NULL,
    title_en TEXT NOT NULL,
    verdict TEXT NOT NULL,
    cause TEXT,
    matter TEXT,
    case_number TEXT
);
CREATE INDEX reports_clerk ON reports (clerk, at);
INSERT INTO schema_version (version, name) VALUES (1, 'sessions, reports');
-- 2 audit record
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
INSERT INTO schema_version (version, name) VALUES (2, 'audit record');
