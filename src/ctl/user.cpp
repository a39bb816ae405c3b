// users-ctl user list, show and sessions: what there is.
#include <iostream>
#include <limits>

#include "ctl/command.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

/// Seconds until the password is taken again; 0: it is taken.
std::uint64_t seconds_locked(const throttle::Count& logins) {
  return logins.used >= throttle::kLogins.most ? logins.seconds : 0;
}

/// As `argon2id`, or what an older hash calls itself, as `2b` or `6`.
std::string form_of(const std::string& hash) {
  return hash.substr(1, hash.find('$', 1) - 1);
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

}  // namespace users::ctl
