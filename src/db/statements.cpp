#include "db/statements.hpp"

#include <iterator>

namespace users::db {
namespace {

// Only a macro joins literals, and writing it twice would be worse.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define PHONE_LIST                                                                               \
  "JSON_TABLE(?, '$[*]' COLUMNS (phone VARCHAR(16) CHARACTER SET ascii COLLATE ascii_nopad_bin " \
  "PATH '$' ERROR ON ERROR)) l"

// What lies more than a minute in the future is from before the clock was set back. Such a code is
// dead and such a limit starts anew: else both would stand for as long as the clock was wrong. The
// minute is for the clocks of several nodes.

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define CODE_IS_ALIVE \
  "expireTime > UTC_TIMESTAMP() AND createTime <= UTC_TIMESTAMP() + INTERVAL 1 MINUTE"
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define LIMIT_IS_OVER \
  "resetTime <= UTC_TIMESTAMP() OR resetTime > VALUES(resetTime) + INTERVAL 1 MINUTE"

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define SESSION_IS_ALIVE                                                                     \
  "s.epoch = u.epoch AND s.expireTime > UTC_TIMESTAMP() AND s.seenTime > UTC_TIMESTAMP() - " \
  "INTERVAL ? SECOND"
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define FIND_SESSION                                                                          \
  "SELECT s.id, s.user_id, u.phone, GREATEST(0, TIMESTAMPDIFF(SECOND, s.seenTime, "           \
  "UTC_TIMESTAMP())) FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.tokenHash = ? " \
  "AND " SESSION_IS_ALIVE " AND u.disableTime IS NULL"

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define IS_IN_HAND "takeTime IS NOT NULL AND nextTime > UTC_TIMESTAMP()"

// Above each statement: what it takes -> what it gives. Times are the database's, in UTC.
constexpr StatementText kCatalogue[] = {
    // phone -> id, password, regist_key, disabled, epoch
    {"find_user_by_phone",
     "SELECT id, password, regist_key, disableTime IS NOT NULL, epoch FROM users WHERE phone = ?"},
    // id -> phone, password, createTime (ISO 8601)
    {"find_user_by_id",
     "SELECT phone, password, DATE_FORMAT(createTime, '%Y-%m-%dT%H:%i:%sZ') FROM users WHERE id = "
     "?"},
    // phone, password (PHC string), regist_key
    {"insert_user",
     "INSERT INTO users (phone, password, regist_key, createTime) VALUES (?, ?, ?, "
     "UTC_TIMESTAMP())"},
    // new password, id, the password that was verified: another change in between wins
    {"update_password", "UPDATE users SET password = ? WHERE id = ? AND password = ?"},
    // new password, phone, the password it had: neither may have changed in between
    {"reset_password", "UPDATE users SET password = ? WHERE phone = ? AND password = ?"},
    // phone, id
    {"update_phone", "UPDATE users SET phone = ? WHERE id = ?"},
    // id
    {"delete_user", "DELETE FROM users WHERE id = ?"},
    // user_id, event, address, request_id, operator_name
    {"insert_audit",
     "INSERT INTO audit (user_id, event, address, request_id, operator_name, createTime) VALUES "
     "(?, ?, ?, ?, ?, UTC_TIMESTAMP())"},

    // phone, purpose -> codeHash, requestKey, tries, consumed, alive, seconds since it was made
    {"find_code",
     "SELECT codeHash, requestKey, tries, consumeTime IS NOT NULL, " CODE_IS_ALIVE
     ", GREATEST(0, TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())) FROM verification_codes "
     "WHERE phone = ? AND purpose = ?"},
    // phone, purpose, codeHash, requestKey, id of its message, lifetime in seconds
    {"put_code",
     "REPLACE INTO verification_codes (phone, purpose, codeHash, requestKey, message_id, "
     "createTime, "
     "expireTime) VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL ? SECOND)"},
    // phone, purpose, most tries. One that was used counts on: that it was is nobody else's to know
    {"count_code_try",
     "UPDATE verification_codes SET tries = tries + 1 WHERE phone = ? AND purpose = ? AND tries < "
     "? AND " CODE_IS_ALIVE},
    // phone, purpose, codeHash; this try is not counted among those that failed
    {"consume_code",
     "UPDATE verification_codes SET consumeTime = UTC_TIMESTAMP(), tries = tries - 1 WHERE phone = "
     "? AND purpose = ? AND codeHash = ? AND consumeTime IS NULL AND " CODE_IS_ALIVE},
    // phone
    {"delete_codes", "DELETE FROM verification_codes WHERE phone = ?"},
    // phone. Its codes for login and reset stop working, but stay as rows: without them, who
    // requested one could tell.
    {"void_codes",
     "UPDATE verification_codes SET codeHash = '' WHERE phone = ? AND purpose IN ('login', "
     "'reset')"},
    // sealed, state, lifetime in seconds
    {"insert_message",
     "INSERT INTO outbox (sealed, state, createTime, nextTime, expireTime) VALUES (?, ?, "
     "UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL ? SECOND)"},
    // phone, purpose: the message of the code that is about to be replaced
    {"supersede_message",
     "UPDATE outbox SET state = 'unsent', sealed = NULL WHERE state = 'pending' AND id = (SELECT "
     "message_id FROM verification_codes WHERE phone = ? AND purpose = ?)"},

    // bucket, seconds, the count that starts the time anew (0: none) -> used, seconds until the
    // reset.
    // Assignments run from left to right, so the second sees the new count and the old time.
    {"hit_throttle",
     "INSERT INTO throttle (bucket, used, resetTime) VALUES (?, 1, UTC_TIMESTAMP() + INTERVAL ? "
     "SECOND) ON DUPLICATE KEY UPDATE used = IF(" LIMIT_IS_OVER
     ", 1, used + 1), resetTime = IF(" LIMIT_IS_OVER " OR used = ?, VALUES(resetTime), resetTime) "
     "RETURNING used, GREATEST(1, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), resetTime))"},
    // name, name, seconds -> row, used, seconds until the reset; of a budget that has several rows
    {"find_budget",
     "SELECT CAST(SUBSTRING_INDEX(bucket, ':', -1) AS UNSIGNED), used, GREATEST(1, "
     "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), resetTime)) FROM throttle WHERE bucket >= CONCAT(?, "
     "':') AND bucket < CONCAT(?, ';') AND resetTime > UTC_TIMESTAMP() AND resetTime <= "
     "UTC_TIMESTAMP() + INTERVAL ? SECOND + INTERVAL 1 MINUTE"},
    // bucket
    {"clear_throttle", "DELETE FROM throttle WHERE bucket = ?"},

    // tokenHash, user_id, epoch, lifetime in seconds, address, agent -> expireTime (ISO 8601)
    {"insert_session",
     "INSERT INTO sessions (tokenHash, user_id, epoch, createTime, seenTime, expireTime, address, "
     "agent) VALUES (?, ?, ?, UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL ? "
     "SECOND, ?, ?) "
     "RETURNING DATE_FORMAT(expireTime, '%Y-%m-%dT%H:%i:%sZ')"},
    // tokenHash, idle seconds -> id, user_id, phone, seconds since it was seen
    {"find_session", FIND_SESSION},
    // The same, of what this node of a cluster has already
    {"find_session_locally", "SET STATEMENT wsrep_sync_wait = 0 FOR " FIND_SESSION},
    // tokenHash. Fails at once (1205) if a row, a table or the server is locked, such as by a
    // backup.
    {"touch_session",
     "SET STATEMENT lock_wait_timeout = 0, innodb_lock_wait_timeout = 0 FOR UPDATE sessions SET "
     "seenTime = UTC_TIMESTAMP() WHERE tokenHash = ?"},
    // user_id, idle seconds -> id, createTime, seenTime (ISO 8601), address, agent
    {"list_sessions",
     "SELECT s.id, DATE_FORMAT(s.createTime, '%Y-%m-%dT%H:%i:%sZ'), DATE_FORMAT(s.seenTime, "
     "'%Y-%m-%dT%H:%i:%sZ'), s.address, s.agent FROM sessions s JOIN users u ON u.id = s.user_id "
     "WHERE s.user_id = ? AND " SESSION_IS_ALIVE " ORDER BY s.seenTime DESC, s.id DESC LIMIT 1000"},
    // user_id, idle seconds, how many may stay -> tokenHash of the others: what is over already,
    // then those unseen for longest. An account of an earlier version may have thousands.
    {"find_surplus_sessions",
     "SELECT s.tokenHash FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.user_id = ? "
     "ORDER BY " SESSION_IS_ALIVE " DESC, s.seenTime DESC, s.id DESC LIMIT 1000 OFFSET ?"},
    // tokenHash
    {"delete_session", "DELETE FROM sessions WHERE tokenHash = ?"},
    // id, user_id
    {"delete_session_by_id", "DELETE FROM sessions WHERE id = ? AND user_id = ?"},
    // user_id: ends all, those of logins under way too
    {"end_sessions", "UPDATE users SET epoch = epoch + 1 WHERE id = ?"},
    // tokenHash: behind end_sessions, saves the one that was alive until then
    {"keep_session",
     "UPDATE sessions s JOIN users u ON u.id = s.user_id SET s.epoch = u.epoch WHERE s.tokenHash = "
     "? AND s.epoch + 1 = u.epoch"},
    // user_id
    {"delete_sessions", "DELETE FROM sessions WHERE user_id = ?"},

    // -> id, sealed, attempts, alive, whether a courier took it and never told what became of it;
    // locked until the transaction ends, those of others skipped
    {"take_message",
     "SELECT id, sealed, attempts, expireTime > UTC_TIMESTAMP(), takeTime IS NOT NULL FROM outbox "
     "WHERE state = 'pending' AND nextTime <= UTC_TIMESTAMP() ORDER BY nextTime LIMIT 1 FOR UPDATE "
     "SKIP LOCKED"},
    // seconds, id: whoever took it has this long; after that it is anybody's again
    {"lease_message",
     "UPDATE outbox SET attempts = attempts + 1, takeTime = UTC_TIMESTAMP(), nextTime = "
     "UTC_TIMESTAMP() + INTERVAL ? SECOND WHERE id = ?"},
    // state, id, attempts: only who holds the lease
    {"finish_message",
     "UPDATE outbox SET state = ?, sealed = NULL, takeTime = NULL, nextTime = UTC_TIMESTAMP() "
     "WHERE "
     "id = ? AND attempts = ? AND state = 'pending'"},
    // seconds, id, attempts
    {"retry_message",
     "UPDATE outbox SET takeTime = NULL, nextTime = UTC_TIMESTAMP() + INTERVAL ? SECOND WHERE id = "
     "? "
     "AND attempts = ? AND state = 'pending'"},
    // Small batches, so that no lock is held for long.
    {"purge_codes",
     "DELETE FROM verification_codes WHERE expireTime < UTC_TIMESTAMP() - INTERVAL 1 DAY LIMIT "
     "500"},
    {"purge_messages",
     "DELETE FROM outbox WHERE state <> 'pending' AND nextTime < UTC_TIMESTAMP() - INTERVAL 7 DAY "
     "LIMIT 500"},
    {"purge_throttle", "DELETE FROM throttle WHERE resetTime < UTC_TIMESTAMP() LIMIT 500"},
    {"purge_sessions", "DELETE FROM sessions WHERE expireTime < UTC_TIMESTAMP() LIMIT 500"},
    {"purge_audit",
     "DELETE FROM audit WHERE createTime < UTC_TIMESTAMP() - INTERVAL 180 DAY LIMIT 500"},
    // -> state, messages in it, and for pending the seconds since the oldest was made
    {"outbox_depth",
     "SELECT state, COUNT(*), IF(state = 'pending', (SELECT GREATEST(0, TIMESTAMPDIFF(SECOND, "
     "MIN(createTime), UTC_TIMESTAMP())) FROM outbox WHERE state = 'pending'), 0) FROM outbox "
     "GROUP BY state"},

    // phone -> id, disabled; locked until the transaction ends
    {"lock_user", "SELECT id, disableTime IS NOT NULL FROM users WHERE phone = ? FOR UPDATE"},
    // phone -> id, phone, createTime, disableTime (ISO 8601, null where it is not), form of the
    // hash
    {"show_user",
     "SELECT id, phone, DATE_FORMAT(createTime, '%Y-%m-%dT%H:%i:%sZ'), DATE_FORMAT(disableTime, "
     "'%Y-%m-%dT%H:%i:%sZ'), SUBSTRING_INDEX(SUBSTRING(password, 2), '$', 1) FROM users WHERE "
     "phone = ?"},
    // the id behind which to begin, 1: only disabled ones, how many -> as show_user without the
    // last
    {"list_users",
     "SELECT id, phone, DATE_FORMAT(createTime, '%Y-%m-%dT%H:%i:%sZ'), DATE_FORMAT(disableTime, "
     "'%Y-%m-%dT%H:%i:%sZ') FROM users WHERE id > ? AND (? = 0 OR disableTime IS NOT NULL) ORDER "
     "BY id LIMIT ?"},
    // user_id, idle seconds -> how many are alive
    {"count_sessions",
     "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.user_id = ? "
     "AND " SESSION_IS_ALIVE},
    // password, id
    {"set_password", "UPDATE users SET password = ? WHERE id = ?"},
    // id
    {"disable_user", "UPDATE users SET disableTime = UTC_TIMESTAMP() WHERE id = ?"},
    // id
    {"enable_user", "UPDATE users SET disableTime = NULL WHERE id = ?"},
    // bucket, used, seconds
    {"put_throttle",
     "REPLACE INTO throttle (bucket, used, resetTime) VALUES (?, ?, UTC_TIMESTAMP() + INTERVAL ? "
     "SECOND)"},
    // bucket -> used, seconds until the reset
    {"find_throttle",
     "SELECT used, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), resetTime) FROM throttle WHERE bucket = "
     "? AND resetTime > UTC_TIMESTAMP()"},
    // phone -> purpose, createTime, expireTime (ISO 8601), tries, consumed, alive; of its
    // message state, attempts (null: no longer there) and when it was sent or given up (or null);
    // void (see void_codes)
    {"list_codes",
     "SELECT purpose, DATE_FORMAT(createTime, '%Y-%m-%dT%H:%i:%sZ'), DATE_FORMAT(expireTime, "
     "'%Y-%m-%dT%H:%i:%sZ'), tries, consumeTime IS NOT NULL, " CODE_IS_ALIVE
     ", (SELECT state FROM outbox WHERE id = message_id), (SELECT attempts FROM outbox WHERE id = "
     "message_id), (SELECT DATE_FORMAT(nextTime, '%Y-%m-%dT%H:%i:%sZ') FROM outbox WHERE id = "
     "message_id AND state IN ('sent', 'failed')), codeHash = REPEAT(CHAR(0), 32) FROM "
     "verification_codes WHERE phone = ? ORDER BY "
     "createTime DESC, purpose"},
    // user_id, how many -> createTime (ISO 8601), event, address, request_id, operator_name
    {"list_audit",
     "SELECT DATE_FORMAT(createTime, '%Y-%m-%dT%H:%i:%sZ'), event, address, request_id, "
     "operator_name FROM audit WHERE user_id = ? ORDER BY id DESC LIMIT ?"},
    // how many -> id, createTime, nextTime, expireTime (ISO 8601), attempts, sealed
    {"list_messages",
     "SELECT id, DATE_FORMAT(createTime, '%Y-%m-%dT%H:%i:%sZ'), DATE_FORMAT(nextTime, "
     "'%Y-%m-%dT%H:%i:%sZ'), DATE_FORMAT(expireTime, '%Y-%m-%dT%H:%i:%sZ'), attempts, sealed FROM "
     "outbox WHERE state = 'pending' ORDER BY id LIMIT ?"},
    // id -> state, alive, whether a courier is at it; locked until the transaction ends
    {"lock_message", "SELECT state, expireTime > UTC_TIMESTAMP(), " IS_IN_HAND
                     " FROM outbox WHERE id = ? FOR UPDATE"},
    // id
    {"hasten_message", "UPDATE outbox SET nextTime = UTC_TIMESTAMP() WHERE id = ?"},
    // all that wait and are in no courier's hands
    {"hasten_messages",
     "UPDATE outbox SET nextTime = UTC_TIMESTAMP() WHERE state = 'pending' AND expireTime > "
     "UTC_TIMESTAMP() AND NOT (" IS_IN_HAND ")"},
    // After a restore.
    {"delete_all_sessions", "DELETE FROM sessions"},
    {"delete_all_codes", "DELETE FROM verification_codes"},
    {"void_messages", "UPDATE outbox SET state = 'unsent', sealed = NULL WHERE state = 'pending'"},
    // -> the greatest number of an account, and the greatest that the audit knows
    {"last_user_ids",
     "SELECT CAST(IFNULL((SELECT MAX(id) FROM users), 0) AS UNSIGNED), "
     "CAST(IFNULL((SELECT MAX(user_id) FROM audit), 0) AS UNSIGNED)"},
    // id: the next account gets the number behind it, also once this row is deleted again
    {"skip_user_ids",
     "INSERT INTO users (id, phone, password, createTime) VALUES (?, '', '', UTC_TIMESTAMP())"},
    // -> the number that the next account gets
    {"next_user_id",
     "SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
     "TABLE_NAME = 'users'"},

    // -> name, value
    {"server_variables", "SHOW GLOBAL VARIABLES"},
    // -> account, the server's clock (seconds since 1970), character set of the database, cipher
    // (empty: no TLS)
    {"session_facts",
     "SELECT CURRENT_USER(), CAST(UNIX_TIMESTAMP(NOW(6)) AS CHAR), @@character_set_database, "
     "(SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = "
     "'SSL_CIPHER')"},
    // -> the statement that makes a grant; never to be shown, it may hold a password's hash
    {"list_grants", "SHOW GRANTS FOR CURRENT_USER"},
    // -> messages that should have been sent a minute ago, age of the oldest of them in seconds,
    // messages given up within an hour
    {"outbox_state",
     "SELECT (SELECT COUNT(*) FROM outbox WHERE state = 'pending' AND nextTime < UTC_TIMESTAMP() - "
     "INTERVAL 1 MINUTE), (SELECT IFNULL(MAX(TIMESTAMPDIFF(SECOND, createTime, UTC_TIMESTAMP())), "
     "0) FROM outbox WHERE state = 'pending' AND nextTime < UTC_TIMESTAMP() - INTERVAL 1 MINUTE), "
     "(SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND nextTime > UTC_TIMESTAMP() - "
     "INTERVAL 1 HOUR)"},
    // pattern of the hashes that the service makes -> how many accounts have another one. It reads
    // the whole table, so it is given up after 2 seconds.
    {"count_imported_hashes",
     "SET STATEMENT max_statement_time = 2 FOR SELECT COUNT(*) FROM users WHERE password NOT LIKE "
     "?"},
    // A list of phones is one parameter, a JSON array: any number of them in one round trip, each
    // found by the unique key.
    // phones -> phone, password
    {"find_registered", "SELECT u.phone, u.password, u.disableTime IS NULL FROM " PHONE_LIST
                        " STRAIGHT_JOIN users u ON u.phone = l.phone"},
    // phone, password, createTime or null (now), disableTime or null
    {"insert_imported",
     "INSERT INTO users (phone, password, createTime, disableTime) VALUES (?, ?, IFNULL(?, "
     "UTC_TIMESTAMP()), ?)"},
    // operator_name, phones
    {"audit_imported",
     "INSERT INTO audit (user_id, event, address, request_id, operator_name, createTime) SELECT "
     "u.id, 'imported', '', '', ?, UTC_TIMESTAMP() FROM " PHONE_LIST
     " STRAIGHT_JOIN users u ON u.phone = l.phone"},
    // id of the last one (0: none), rows -> id, phone, password, createTime, disableTime or null
    {"list_for_export",
     "SELECT id, phone, password, DATE_FORMAT(createTime, '%Y-%m-%d %H:%i:%s'), "
     "DATE_FORMAT(disableTime, '%Y-%m-%d %H:%i:%s') FROM users WHERE id > ? ORDER BY id LIMIT ?"},
};

static_assert(std::size(kCatalogue) == kStatementCount);

}  // namespace

const StatementText& text_of(StatementId id) {
  return kCatalogue[static_cast<std::size_t>(id)];
}

}  // namespace users::db
