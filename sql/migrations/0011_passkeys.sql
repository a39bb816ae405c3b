-- Passkeys, and the challenges that their devices sign. Safe to run twice: IF NOT EXISTS.
-- oldest program: 10
ALTER TABLE factors
  MODIFY COLUMN kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'totp or passkey',
  ADD COLUMN IF NOT EXISTS credential VARBINARY(1023) NULL COMMENT 'of a passkey: its id, chosen by the device',
  ADD COLUMN IF NOT EXISTS publicKey VARBINARY(600) NULL COMMENT 'of a passkey; COSE_Key',
  ADD COLUMN IF NOT EXISTS rpIdHash BINARY(32) NULL COMMENT 'of a passkey: SHA-256 of the rp_id it was made for',
  ADD COLUMN IF NOT EXISTS signCount INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a passkey; 0: it does not count',
  ADD COLUMN IF NOT EXISTS backupEligible TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a passkey: 1: it may be on several devices',
  ADD COLUMN IF NOT EXISTS transports VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '' COMMENT 'of a passkey: how browsers reach it, separated by commas',
  ADD UNIQUE KEY IF NOT EXISTS factors_credential (credential);
CREATE TABLE IF NOT EXISTS passkey_challenges (
  challenge  BINARY(32) NOT NULL,
  purpose    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'login, second_factor, confirm or enrol',
  session    VARBINARY(32) NOT NULL COMMENT 'tokenHash of the session it is for; empty: of anybody',
  expireTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (challenge),
  KEY passkey_challenges_expire (expireTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
