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
