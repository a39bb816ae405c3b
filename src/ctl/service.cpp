#include "ctl/service.hpp"

#include "base/text.hpp"

namespace users::ctl {
namespace {

std::vector<Phone> parse_phones(const Config& config, const Call& call, std::size_t count) {
  std::vector<Phone> phones;
  for (std::size_t i = 0; i < count; ++i) {
    phones.push_back(parse_phone(config, call.arguments.at(i)));
  }
  return phones;
}

}  // namespace

Phone parse_phone(const Config& config, const std::string& text) {
  auto phone = Phone::parse(text, config.phone_default_region);
  if (phone) return std::move(*phone);
  throw UsageError("'" + printable(text) +
                   "' is no mobile phone number: write it with its country code, as "
                   "+8613800000000, or as one of region " +
                   config.phone_default_region);
}

Service::Service(const Call& call, std::size_t phones)
    : config_(call.config()),
      phones_(parse_phones(config_, call, phones)),
      password_(read_secret(config_, "database.password_file")),
      key_(read_key(config_)),
      database_(config_, password_, metrics_),
      accounts_(config_, key_, database_, metrics_, operator_name()) {
  // One attempt may run out of time before it reaches the last host. The next one tries the hosts
  // that did not answer last.
  for (std::size_t i = 1; i < config_.database_hosts.size() && !database_.try_connect(); ++i) {
  }
  database_.connection();
}

User Service::account(const std::string& advice) {
  auto user = read([&](db::Connection& connection) {
    return find_user_by_phone.one(connection, phone().e164());
  });
  if (!user) throw Refused("no account has the phone " + phone().e164() + advice);
  return std::move(*user);
}

}  // namespace users::ctl
