// users-ctl user list, show and sessions, and audit: the accounts and what happened to them.
#include <iostream>
#include <limits>

#include "ctl/command.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

/// Seconds until a password is accepted again; 0 if it is now.
std::uint64_t seconds_locked(const throttle::Count& logins) {
  return logins.used >= throttle::kLogins.most ? logins.seconds : 0;
}

/// The hash's kind, such as `argon2id`, or `2b` and `6` for older ones.
std::string form_of(const std::string& hash) {
  return hash.substr(1, hash.find('$', 1) - 1);
}

std::uint64_t id_of(Service& service, const Phone& phone) {
  const auto user = service.read(
      [&](db::Connection& connection) { return find_user_by_phone.one(connection, phone.e164()); });
  if (user) return user->id;
  throw Refused("no account has the phone " + phone.e164() +
                "; find a deleted one by its number: users-ctl audit '#ID'");
}

}  // namespace

int user_list(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t after = parse_number("--after", call.option("after").value_or("0"), 0, kMost);
  const Config config = call.config();
  Service service(config);
  std::vector<json::Object> rows;
  std::uint64_t last = 0;
  const auto users = service.read([&](db::Connection& connection) {
    return list_users.all(connection, after, call.has("disabled") ? 1 : 0, limit);
  });
  for (const User& user : users) {
    last = user.id;
    rows.push_back({{"id", user.id},
                    {"phone", user.phone},
                    {"created", user.created},
                    {"disabled", user.disabled}});
  }
  print_rows(std::cout, call.form(), {"id", "phone", "created", "disabled"}, rows);
  if (rows.size() == limit) {
    hint(call.form(), "the next ones: --after " + std::to_string(last));
  }
  return EXIT_SUCCESS;
}

int user_show(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  const User user = find_account(service, phone);
  const Standing standing = service.accounts().standing(user);
  print_object(std::cout, call.form(),
               {{"id", user.id},
                {"phone", user.phone},
                {"created", user.created},
                {"disabled", user.disabled},
                {"seconds_locked", seconds_locked(standing.logins)},
                {"failed_logins", standing.logins.used},
                {"code_guesses_today", standing.guesses.used},
                {"codes_sent_today", standing.sends.used},
                {"sessions", standing.sessions},
                {"password_hash", form_of(user.password)}});
  return EXIT_SUCCESS;
}

int user_sessions(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  const User user = find_account(service, phone);
  const auto sessions = service.read([&](db::Connection& connection) {
    return Sessions(config, service.key()).list(connection, user.id);
  });
  std::vector<json::Object> rows;
  for (const SessionRow& session : sessions) {
    rows.push_back({{"id", session.id},
                    {"created", session.created},
                    {"last_seen", session.last_seen},
                    {"address", session.address},
                    {"agent", session.agent}});
  }
  print_rows(std::cout, call.form(), {"id", "created", "last_seen", "address", "agent"}, rows);
  return EXIT_SUCCESS;
}

int audit(const Call& call) {
  const std::uint64_t limit = limit_option(call);
  const Config config = call.config();
  const std::string& who = call.arguments.front();
  std::optional<Phone> phone;
  std::uint64_t user_id = kNoAccount;
  if (who.starts_with('#')) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    user_id = parse_number("the number behind #", std::string_view(who).substr(1), 0, kMost);
  } else {
    phone = phone_argument(config, call, 0);
  }
  Service service(config);
  if (phone) user_id = id_of(service, *phone);
  std::vector<json::Object> rows;
  const auto events = service.read(
      [&](db::Connection& connection) { return list_audit.all(connection, user_id, limit); });
  for (const AuditRow& row : events) {
    rows.push_back({{"time", row.time},
                    {"event", row.event},
                    {"operator", row.operator_name},
                    {"address", row.address},
                    {"request_id", row.request_id}});
  }
  print_rows(std::cout, call.form(), {"time", "event", "operator", "address", "request_id"}, rows);
  return EXIT_SUCCESS;
}

}  // namespace users::ctl
