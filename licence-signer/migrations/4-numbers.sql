-- Which licence has a number: one of a department and type in force at a time. The digest covers type and number.
CREATE TABLE licence_numbers (
    department TEXT NOT NULL,
    digest BYTEA NOT NULL,
    licence TEXT NOT NULL,
    PRIMARY KEY (department, digest)
);
INSERT INTO licence_numbers (department, digest, licence)
    SELECT department, number_digest, id FROM licences WHERE state IN ('in_force', 'suspended')
    ORDER BY coalesce(valid_end, 9223372036854775807) DESC, id
    ON CONFLICT (department, digest) DO NOTHING;
-- The digests of the number behind a `sub`, under every key that is live: rows of before a change of keys are found by the
-- old one, rows of after it by the new one.
CREATE TABLE subject_digests (
    sub TEXT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (sub, digest)
);
CREATE INDEX subject_digests_digest ON subject_digests (digest);
INSERT INTO subject_digests (sub, digest) SELECT sub, code_digest FROM subjects;
