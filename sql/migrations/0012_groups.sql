-- Groups of accounts, for locations that admit only their members. Safe to run twice: IF NOT EXISTS.
-- oldest program: 11
ALTER TABLE audit
  MODIFY COLUMN event VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL;
CREATE TABLE IF NOT EXISTS group_members (
  user_id BIGINT UNSIGNED NOT NULL,
  name    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'of the group',
  PRIMARY KEY (user_id, name),
  KEY group_members_name (name, user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
