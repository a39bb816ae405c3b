-- Second factors, recovery codes, and how a session's owner has authenticated. Safe to run twice: IF NOT EXISTS.
-- oldest program: 9
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS level TINYINT UNSIGNED NOT NULL DEFAULT 1 COMMENT '2: needs a second factor; its sessions have this level or more';
ALTER TABLE sessions
  ADD COLUMN IF NOT EXISTS level TINYINT UNSIGNED NOT NULL DEFAULT 1 COMMENT '2: with a second factor',
  ADD COLUMN IF NOT EXISTS authTime DATETIME NULL COMMENT 'UTC; last authentication; null: createTime',
  ADD COLUMN IF NOT EXISTS amr VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '' COMMENT 'its methods, separated by spaces';
CREATE TABLE IF NOT EXISTS factors (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user_id    BIGINT UNSIGNED NOT NULL,
  kind       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'totp',
  name       VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'by its owner',
  secret     VARBINARY(64) NULL COMMENT 'of a totp; secretbox',
  lastStep   BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a totp: the last time step that was used',
  createTime DATETIME NOT NULL COMMENT 'UTC',
  useTime    DATETIME NULL COMMENT 'UTC',
  PRIMARY KEY (id),
  KEY factors_user (user_id, kind)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE IF NOT EXISTS totp_enrolments (
  user_id    BIGINT UNSIGNED NOT NULL,
  secret     VARBINARY(64) NOT NULL COMMENT 'secretbox',
  expireTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (user_id),
  KEY totp_enrolments_expire (expireTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
CREATE TABLE IF NOT EXISTS recovery_codes (
  user_id    BIGINT UNSIGNED NOT NULL,
  codeHash   BINARY(32) NOT NULL COMMENT 'keyed hash of the account and the code',
  PRIMARY KEY (user_id, codeHash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
