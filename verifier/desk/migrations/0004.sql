CREATE TABLE cases (
    id_digest BYTEA NOT NULL PRIMARY KEY,
    matter TEXT NOT NULL,
    case_number TEXT NOT NULL,
    purpose TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX cases_expiry ON cases (expires_at);
