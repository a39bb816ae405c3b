// users-ctl audit: what happened to an account.
#include <iostream>
#include <limits>

#include "ctl/command.hpp"
#include "ctl/service.hpp"

namespace users::ctl {
namespace {

std::uint64_t id_of(Service& service, const Phone& phone) {
  const auto user = service.read(
      [&](db::Connection& connection) { return find_user_by_phone.one(connection, phone.e164()); });
  if (user) return user->id;
  throw Refused("no account has the phone " + phone.e164() +
                "; one that was deleted is found by its number: users-ctl audit '#ID'");
}

}  // namespace

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
