#include "service/changes.hpp"

#include "accounts/throttle.hpp"
#include "factors/second_factor.hpp"
#include "factors/verification.hpp"

namespace users {

std::string event_of(std::string_view event, const Outcome& outcome) {
  return std::string(event).append(outcome.recovery_codes_left ? ", recovery code" : "");
}

bool Change::end_sessions(std::string_view event) const {
  void_codes(transaction.connection(), user.phone);
  record(transaction, user.id, event, client);
  return users::end_sessions(transaction.connection(), user.id, kept);
}

bool Change::set_password(std::string_view hash, std::string_view event) const {
  users::set_password(transaction.connection(), hash, user.id);
  if (!end_sessions(event)) return false;
  throttle::clear(transaction.connection(), throttle::kLogins, user.phone);
  return true;
}

bool Change::set_phone(std::string_view phone) const {
  users::set_phone(transaction.connection(), phone, user.id);
  void_codes(transaction.connection(), phone);
  if (!end_sessions("phone changed")) return false;
  throttle::clear(transaction.connection(), throttle::kLogins, phone);
  return true;
}

bool Change::remove_factors(std::string_view event) const {
  delete_factors(transaction.connection(), user.id);
  set_level(transaction.connection(), kOneFactor, user.id);
  return end_sessions(event);
}

bool Change::remove() const {
  if (!end_sessions("deleted")) return false;
  delete_codes(transaction.connection(), user.phone);
  delete_sessions(transaction.connection(), user.id);
  delete_factors(transaction.connection(), user.id);
  return delete_user(transaction.connection(), user.id) == 1;
}

}  // namespace users
