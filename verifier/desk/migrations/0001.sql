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
