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
