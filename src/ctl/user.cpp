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

}  // namespace

int user_list(const Call& call) {
  UserFilter filter;
  filter.limit = limit_option(call);
  filter.only_disabled = call.has("disabled");
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  filter.after = parse_number("--after", call.option("after").value_or("0"), 0, kMost);
  const Config config = call.config();
  Service service(config);
  std::vector<json::Object> rows;
  std::uint64_t last = 0;
  for (const UserRow& user : service.accounts().list(filter)) {
    last = user.id;
    rows.push_back({{"id", user.id},
                    {"phone", user.phone},
                    {"created", user.created},
                    {"disabled", user.disabled}});
  }
  print_rows(std::cout, call.form(), {"id", "phone", "created", "disabled"}, rows);
  if (rows.size() == filter.limit) {
    hint(call.form(), "the next ones: --after " + std::to_string(last));
  }
  return EXIT_SUCCESS;
}

int user_show(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  const UserDetails user = find_account(service, phone);
  print_object(std::cout, call.form(),
               {{"id", user.id},
                {"phone", user.phone},
                {"created", user.created},
                {"disabled", user.disabled},
                {"seconds_locked", seconds_locked(user.logins)},
                {"failed_logins", user.logins.used},
                {"code_guesses_today", user.guesses.used},
                {"codes_sent_today", user.sends.used},
                {"sessions", user.sessions},
                {"password_hash", user.hash_form}});
  return EXIT_SUCCESS;
}

int user_sessions(const Call& call) {
  const Config config = call.config();
  const Phone phone = phone_argument(config, call, 0);
  Service service(config);
  const UserDetails user = find_account(service, phone);
  std::vector<json::Object> rows;
  for (const SessionRow& session : service.accounts().sessions(user.id)) {
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
