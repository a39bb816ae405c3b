-- What a change is known by, so that one whose reply was lost, or that the web server sends again, is found done. Rows
-- that are there have none. Safe to run twice: IF NOT EXISTS.
ALTER TABLE audit
  ADD COLUMN IF NOT EXISTS operation BINARY(32) NULL COMMENT 'keyed hash of what the change is known by',
  ADD UNIQUE KEY IF NOT EXISTS audit_operation (operation);
