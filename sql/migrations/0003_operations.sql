-- Who on the operator's side changed an account. Every statement may run twice without harm.

ALTER TABLE audit
  ADD COLUMN IF NOT EXISTS operator_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'who did it with users-ctl; null: the user, by the service';
