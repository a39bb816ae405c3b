-- The keys that sign identities for backends. Safe to run twice: IF NOT EXISTS.
-- oldest program: 11
CREATE TABLE IF NOT EXISTS identity_keys (
  id         INT UNSIGNED NOT NULL COMMENT 'from 1; the first to insert it decides',
  publicKey  BINARY(32) NOT NULL COMMENT 'Ed25519',
  sealed     VARBINARY(128) NOT NULL COMMENT 'secretbox of its seed',
  createTime DATETIME NOT NULL COMMENT 'UTC',
  activeTime DATETIME NOT NULL COMMENT 'UTC; signs from then on, until a newer one does',
  PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
