-- Which message a code went out with, so that an operator can tell what became of it. May run twice without harm.

ALTER TABLE verification_codes
  ADD COLUMN IF NOT EXISTS message_id BIGINT UNSIGNED NULL COMMENT 'the row of outbox';
