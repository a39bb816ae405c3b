-- The names of an account's groups in its row, so that a check of a session reads one row less. Safe to run twice.
-- oldest program: 11
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS groupNames VARCHAR(2111) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '' COMMENT 'copy of group_members: in order, separated by commas';
UPDATE users u JOIN (SELECT user_id, GROUP_CONCAT(name ORDER BY name) AS names FROM group_members GROUP BY user_id) m ON m.user_id = u.id
  SET u.groupNames = m.names;
