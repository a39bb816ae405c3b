-- Whether a courier is at a message, and when it was done with it. May run twice without harm.

ALTER TABLE outbox
  ADD COLUMN IF NOT EXISTS takeTime DATETIME NULL COMMENT 'UTC; since when a courier is at it, until nextTime at the latest',
  MODIFY COLUMN nextTime DATETIME NOT NULL COMMENT 'UTC; not to be taken before; once it is not pending, since when';
