-- Whether the hosts of a cluster have the same key. Safe to run twice: IF NOT EXISTS.
-- oldest program: 8
CREATE TABLE IF NOT EXISTS key_check (
  id          TINYINT UNSIGNED NOT NULL COMMENT 'always 1',
  fingerprint BINARY(32)       NOT NULL COMMENT 'keyed hash of nothing, by the key in key_file',
  PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
