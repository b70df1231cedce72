-- A known device has a bucket of its own, device:DIGEST:PERSON; that it is known until a time makes it known. allowed: the tries
-- that pass without a wait; person_id: whom the number that was tried leads to.
ALTER TABLE attempts ADD COLUMN allowed BIGINT;
ALTER TABLE attempts ADD COLUMN person_id TEXT;
ALTER TABLE attempts ADD COLUMN known_until BIGINT;
CREATE INDEX attempts_person ON attempts (person_id);
INSERT INTO attempts (bucket, tries, blocked_until, expires_at, person_id, known_until)
    SELECT 'device:' || device_digest || ':' || person_id, 0, 0, 0, person_id, expires_at FROM known_devices;
-- The table itself stays for a version before this one that may still be running.
DELETE FROM known_devices;
