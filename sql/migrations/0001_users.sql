-- Accounts, and what happened to them. Every statement may run twice without harm.

CREATE TABLE IF NOT EXISTS users (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  phone      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'E.164',
  password   VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'PHC string',
  regist_key BINARY(32) NULL COMMENT 'keyed hash of the key of the registration that made the row',
  createTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (id),
  UNIQUE KEY users_phone (phone)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- No foreign key: what happened to an account outlives it.
CREATE TABLE IF NOT EXISTS audit (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user_id    BIGINT UNSIGNED NOT NULL,
  event      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  address    VARCHAR(45) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'of the client, as nginx saw it',
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  createTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (id),
  KEY audit_user (user_id, id),
  KEY audit_time (createTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
