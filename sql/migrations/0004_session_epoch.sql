-- All sessions of an account end by one row's update. Every statement may run twice without harm.

ALTER TABLE users
  ADD COLUMN IF NOT EXISTS epoch INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'counted up to end all sessions';

ALTER TABLE sessions
  ADD COLUMN IF NOT EXISTS epoch INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the user when the session was opened; over once that differs';
