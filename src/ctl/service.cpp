#include "ctl/service.hpp"

#include <charconv>
#include <chrono>
#include <iostream>
#include <thread>

namespace users::ctl {
namespace {

/// Database tries the next host only after a short wait.
void connect(const Config& config, db::Database& database) {
  constexpr std::chrono::milliseconds kLongestWait{800};
  for (std::size_t tries = 1;; ++tries) {
    try {
      database.connection();
      return;
    } catch (const db::Unavailable&) {
      if (tries >= config.database_hosts.size()) throw;
    }
    std::this_thread::sleep_for(kLongestWait);
  }
}

}  // namespace

Service::Service(const Config& config)
    : password_(read_secret(config, "database.password_file")),
      key_(read_key(config)),
      database_(config, password_, metrics_),
      accounts_(config, key_, database_, metrics_, operator_name()) {
  connect(config, database_);
}

Phone phone_argument(const Config& config, const Call& call, std::size_t index) {
  const std::string& text = call.arguments.at(index);
  auto phone = Phone::parse(text, config.phone_default_region);
  if (!phone) {
    throw UsageError("'" + text +
                     "' is no mobile phone number: write it with its country code, as " +
                     "+8613800000000, or as one of region " + config.phone_default_region);
  }
  return std::move(*phone);
}

User find_account(Service& service, const Phone& phone) {
  auto user = service.read(
      [&](db::Connection& connection) { return find_user_by_phone.one(connection, phone.e164()); });
  if (!user) throw Refused("no account has the phone " + phone.e164());
  return std::move(*user);
}

std::uint64_t parse_number(std::string_view what, std::string_view text, std::uint64_t least,
                           std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    throw UsageError(std::string(what) + " is a whole number from " + std::to_string(least) +
                     " to " + std::to_string(most) + ", not '" + std::string(text) + "'");
  }
  return number;
}

std::uint64_t limit_option(const Call& call) {
  constexpr std::uint64_t kMost = 10000;
  return parse_number("--limit", call.option("limit").value_or("100"), 1, kMost);
}

void hint(Form form, std::string_view text) {
  if (form == Form::columns) std::cerr << text << '\n';
}

}  // namespace users::ctl
