-- The whole schema as the migrations produce it, for reading. A test keeps the two equal.

CREATE TABLE IF NOT EXISTS schema_migrations (
  version   INT UNSIGNED NOT NULL,
  name      VARCHAR(128) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  checksum  CHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NULL COMMENT 'SHA-256 of the file',
  applyTime DATETIME NOT NULL COMMENT 'UTC',
  oldestProgram INT UNSIGNED NULL COMMENT 'the first version whose programs can work with it',
  PRIMARY KEY (version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS users (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  phone      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'E.164',
  password   VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'PHC string',
  regist_key BINARY(32) NULL COMMENT 'keyed hash of the key of the registration that made the row',
  createTime DATETIME NOT NULL COMMENT 'UTC',
  disableTime DATETIME NULL COMMENT 'UTC; set: neither login nor session',
  epoch      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'counted up to end all sessions',
  level      TINYINT UNSIGNED NOT NULL DEFAULT 1 COMMENT '2: needs a second factor; its sessions have this level or more',
  groupNames VARCHAR(2111) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '' COMMENT 'copy of group_members: in order, separated by commas',
  changes    INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'counted up by each change of the account',
  PRIMARY KEY (id),
  UNIQUE KEY users_phone (phone)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- No foreign key: audit rows outlive the account.
CREATE TABLE IF NOT EXISTS audit (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user_id    BIGINT UNSIGNED NOT NULL,
  event      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  address    VARCHAR(45) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'of the client, as nginx saw it',
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  createTime DATETIME NOT NULL COMMENT 'UTC',
  operator_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'who did it with users-ctl; null: the user, by the service',
  operation  BINARY(32) NULL COMMENT 'keyed hash of what the change is known by',
  PRIMARY KEY (id),
  UNIQUE KEY audit_operation (operation),
  KEY audit_user (user_id, id),
  KEY audit_time (createTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The latest code for a phone and purpose; the next one replaces it.
CREATE TABLE IF NOT EXISTS verification_codes (
  phone       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'E.164',
  purpose     VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  codeHash    BINARY(32) NOT NULL COMMENT 'keyed hash of phone, purpose and code',
  requestKey  BINARY(32) NOT NULL COMMENT 'keyed hash of the key of the request that sent it',
  tries       TINYINT UNSIGNED NOT NULL DEFAULT 0,
  createTime  DATETIME NOT NULL COMMENT 'UTC',
  expireTime  DATETIME NOT NULL COMMENT 'UTC',
  consumeTime DATETIME NULL COMMENT 'UTC',
  message_id  BIGINT UNSIGNED NULL COMMENT 'the row of outbox',
  PRIMARY KEY (phone, purpose),
  KEY verification_codes_expire (expireTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Messages to send, inserted in the transaction that stores the code; sealed, and wiped when sent.
CREATE TABLE IF NOT EXISTS outbox (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  sealed     VARBINARY(1024) NULL COMMENT 'secretbox of the message; null once it is not needed',
  state      VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'pending, sent, failed, unsent',
  attempts   TINYINT UNSIGNED NOT NULL DEFAULT 0,
  createTime DATETIME NOT NULL COMMENT 'UTC',
  nextTime   DATETIME NOT NULL COMMENT 'UTC; not to be taken before; once it is not pending, since when',
  expireTime DATETIME NOT NULL COMMENT 'UTC; of no use after',
  takeTime   DATETIME NULL COMMENT 'UTC; since when a courier is at it, until nextTime at the latest',
  PRIMARY KEY (id),
  KEY outbox_state (state, nextTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Counters of the limits: each counts up to its limit until its reset time.
CREATE TABLE IF NOT EXISTS throttle (
  bucket    VARCHAR(40) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'what is counted: whose',
  used      INT UNSIGNED NOT NULL,
  resetTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (bucket),
  KEY throttle_reset (resetTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sessions (
  tokenHash  BINARY(32) NOT NULL COMMENT 'keyed hash of the token',
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'by which its owner names it',
  user_id    BIGINT UNSIGNED NOT NULL,
  createTime DATETIME NOT NULL COMMENT 'UTC',
  seenTime   DATETIME NOT NULL COMMENT 'UTC; at most 5 minutes old',
  expireTime DATETIME NOT NULL COMMENT 'UTC; whatever the use',
  address    VARCHAR(45) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
  agent      VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
  epoch      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the user when the session was opened; over once that differs',
  level      TINYINT UNSIGNED NOT NULL DEFAULT 1 COMMENT '2: with a second factor',
  authTime   DATETIME NULL COMMENT 'UTC; last authentication; null: createTime',
  amr        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '' COMMENT 'its methods, separated by spaces',
  PRIMARY KEY (tokenHash),
  UNIQUE KEY sessions_id (id),
  KEY sessions_expire (expireTime),
  KEY sessions_seen (user_id, seenTime, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE IF NOT EXISTS key_check (
  id          TINYINT UNSIGNED NOT NULL COMMENT 'always 1',
  fingerprint BINARY(32)       NOT NULL COMMENT 'keyed hash of nothing, by the key in key_file',
  PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The second factors of accounts, once they are confirmed.
CREATE TABLE IF NOT EXISTS factors (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user_id    BIGINT UNSIGNED NOT NULL,
  kind       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'totp or passkey',
  name       VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'by its owner',
  secret     VARBINARY(64) NULL COMMENT 'of a totp; secretbox',
  lastStep   BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a totp: the last time step that was used',
  createTime DATETIME NOT NULL COMMENT 'UTC',
  useTime    DATETIME NULL COMMENT 'UTC',
  credential VARBINARY(1023) NULL COMMENT 'of a passkey: its id, chosen by the device',
  publicKey  VARBINARY(600) NULL COMMENT 'of a passkey; COSE_Key',
  rpIdHash   BINARY(32) NULL COMMENT 'of a passkey: SHA-256 of the rp_id it was made for',
  signCount  INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a passkey; 0: it does not count',
  backupEligible TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of a passkey: 1: it may be on several devices',
  transports VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '' COMMENT 'of a passkey: how browsers reach it, separated by commas',
  PRIMARY KEY (id),
  UNIQUE KEY factors_credential (credential),
  KEY factors_user (user_id, kind)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A new secret until its first code arrives.
CREATE TABLE IF NOT EXISTS totp_enrolments (
  user_id    BIGINT UNSIGNED NOT NULL,
  secret     VARBINARY(64) NOT NULL COMMENT 'secretbox',
  expireTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (user_id),
  KEY totp_enrolments_expire (expireTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Those that are not used yet.
CREATE TABLE IF NOT EXISTS recovery_codes (
  user_id    BIGINT UNSIGNED NOT NULL,
  codeHash   BINARY(32) NOT NULL COMMENT 'keyed hash of the account and the code',
  PRIMARY KEY (user_id, codeHash)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What passkeys sign: each once.
CREATE TABLE IF NOT EXISTS passkey_challenges (
  challenge  BINARY(32) NOT NULL,
  purpose    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'login, second_factor, confirm or enrol',
  session    VARBINARY(32) NOT NULL COMMENT 'tokenHash of the session it is for; empty: of anybody',
  expireTime DATETIME NOT NULL COMMENT 'UTC',
  PRIMARY KEY (challenge),
  KEY passkey_challenges_expire (expireTime)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Groups of accounts, for the rules of locations.
CREATE TABLE IF NOT EXISTS group_members (
  user_id BIGINT UNSIGNED NOT NULL,
  name    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL COMMENT 'of the group',
  PRIMARY KEY (user_id, name),
  KEY group_members_name (name, user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The keys that sign identities for backends.
CREATE TABLE IF NOT EXISTS identity_keys (
  id         INT UNSIGNED NOT NULL COMMENT 'from 1; the first to insert it decides',
  publicKey  BINARY(32) NOT NULL COMMENT 'Ed25519',
  sealed     VARBINARY(128) NOT NULL COMMENT 'secretbox of its seed',
  createTime DATETIME NOT NULL COMMENT 'UTC',
  activeTime DATETIME NOT NULL COMMENT 'UTC; signs from then on, until a newer one does',
  PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
