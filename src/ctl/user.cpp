// users-ctl user list, show and sessions, and audit: the accounts and what happened to them.
#include <algorithm>
#include <iostream>

#include "ctl/service.hpp"

namespace users::ctl {
namespace {

/// Seconds until another attempt is accepted; 0 if it is now.
std::uint64_t seconds_locked(const throttle::Limit& limit, const throttle::Count& count) {
  return count.used >= limit.most ? count.seconds : 0;
}

/// Failed attempts. Those that were refused, and a lock, count no more.
std::uint64_t attempts(const throttle::Limit& limit, const throttle::Count& count) {
  return std::min<std::uint64_t>(count.used, limit.most);
}

/// The hash's kind, such as `argon2id`, or `2b` and `6` for older ones.
std::string form_of(const std::string& hash) {
  return hash.substr(1, hash.find('$', 1) - 1);
}

int user_list(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  const std::uint64_t after = parse_number("--after", call.option("after").value_or("0"));
  Service service(call);
  const auto users = service.read([&](db::Connection& connection) {
    return list_users.all(connection, after, call.has("disabled") ? 1 : 0, limit);
  });
  print_page(call, users,
             {{"id", &User::id},
              {"phone", &User::phone},
              {"created", &User::created},
              {"disabled", &User::disabled}},
             limit, &User::id);
  return EXIT_SUCCESS;
}

int user_show(const Call& call) {
  Service service(call, 1);
  const User user = service.account();
  const Standing standing = service.accounts().standing(user);
  json::Value groups = user.groups;
  if (call.form() == Form::json) groups = json::array_of(user.groups, ',');
  print_object(
      call, {{"id", user.id},
             {"phone", user.phone},
             {"created", user.created},
             {"disabled", user.disabled},
             {"seconds_locked", seconds_locked(throttle::kLogins, standing.logins)},
             {"failed_logins", attempts(throttle::kLogins, standing.logins)},
             {"code_guesses_today", standing.guesses.used},
             {"codes_sent_today", standing.sends.used},
             {"sessions", standing.sessions},
             {"level", user.level},
             {"groups", groups},
             {"factors", standing.factors},
             {"passkeys", standing.passkeys},
             {"recovery_codes", standing.recovery_codes},
             {"wrong_second_factors", attempts(throttle::kSecondFactors, standing.second_factors)},
             {"second_factor_seconds_locked",
              seconds_locked(throttle::kSecondFactors, standing.second_factors)},
             {"password_hash", form_of(user.password)}});
  return EXIT_SUCCESS;
}

int user_sessions(const Call& call) {
  Service service(call, 1);
  const User user = service.account();
  const auto sessions = service.read([&](db::Connection& connection) {
    return Sessions(service.config(), service.key()).list(connection, user.id, nullptr);
  });
  print_rows(call, sessions,
             {{"id", &SessionRow::id},
              {"created", &SessionRow::created},
              {"last_seen", &SessionRow::last_seen},
              {"address", &SessionRow::address},
              {"agent", &SessionRow::agent},
              {"level", &SessionRow::level},
              {"authenticated", &SessionRow::authenticated},
              {"amr", &SessionRow::amr}});
  return EXIT_SUCCESS;
}

int audit(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  const std::string& who = call.arguments.front();
  const bool is_number = who.starts_with('#');
  std::uint64_t user_id = is_number ? parse_number("the number behind #", who.substr(1)) : 0;
  Service service(call, is_number ? 0 : 1);
  if (!is_number) {
    user_id = service.account("; find a deleted one by its number: users-ctl audit '#ID'").id;
  }
  const auto events = service.read(
      [&](db::Connection& connection) { return list_audit.all(connection, user_id, limit); });
  print_rows(call, events,
             {{"time", &AuditRow::time},
              {"event", &AuditRow::event},
              {"operator", &AuditRow::operator_name},
              {"address", &AuditRow::address},
              {"request_id", &AuditRow::request_id}});
  return EXIT_SUCCESS;
}

}  // namespace

const std::vector<Command> kAccountCommands{
    {"user list", "", "--limit --after --disabled --json",
     "Lists the accounts, oldest first: id, phone, created, disabled (since when). For the next "
     "page use --after with the last id.",
     user_list},
    {"user show", "PHONE", "--json",
     "Shows one account: id, phone, created, disabled, seconds_locked (until passwords are "
     "accepted again), failed_logins (wrong passwords in the last 15 minutes), code_guesses_today, "
     "codes_sent_today, sessions, level (2: logins need a second factor), groups, factors "
     "(authenticator apps and passkeys), passkeys, recovery_codes (not used yet), "
     "wrong_second_factors (in the last 15 minutes), second_factor_seconds_locked (until second "
     "factors are accepted again), password_hash (its kind).",
     user_show},
    {"user sessions", "PHONE", "--json",
     "Lists the sessions, last seen first: id, created, last_seen, address, agent, level (2: with "
     "a second factor), authenticated (last time), amr (how: pwd, sms, otp, recovery, pop for a "
     "passkey, mfa).",
     user_sessions},
    {"audit", "PHONE|#ID", "--limit --json",
     "Lists what happened to an account, newest first: time, event, operator (empty if the user "
     "did it), address, request_id. A login, confirmation or reset by recovery code says so. Give "
     "a deleted account by its number, quoted for the shell: '#12'. '#0' lists what concerned no "
     "account. Rows are kept for 180 days.",
     audit},
};

}  // namespace users::ctl
