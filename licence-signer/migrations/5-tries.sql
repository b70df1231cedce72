-- Tries of spoken digits by one caller (a mandate or a client) within a minute, counted before each is judged.
CREATE TABLE digit_tries (
    caller TEXT NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL,
    tries BIGINT NOT NULL
);
