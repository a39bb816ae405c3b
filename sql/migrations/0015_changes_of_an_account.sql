-- A number that each change of an account counts up, so that two on different nodes of a cluster exclude each other. Safe to
-- run twice.
-- oldest program: 11
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS changes INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'counted up by each change of the account';
