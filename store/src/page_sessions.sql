CREATE TABLE page_sessions (
    id_digest BYTEA NOT NULL PRIMARY KEY,
    secrets BYTEA NOT NULL,
    checked_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX page_sessions_expiry ON page_sessions (expires_at);
