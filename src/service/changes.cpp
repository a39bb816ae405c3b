#include "service/changes.hpp"

#include "accounts/groups.hpp"
#include "accounts/throttle.hpp"
#include "factors/verification.hpp"

namespace users {

std::string event_of(std::string_view event, const Outcome& outcome, const RightFactor& right) {
  return std::string(event)
      .append(outcome.recovery_codes_left ? ", recovery code" : "")
      .append(right.passkey.counter_fell_back ? ", counter lower" : "");
}

void Change::end_sessions(std::string_view event) const {
  void_codes(transaction.connection(), user.phone);
  record(transaction, user.id, event, client);
  users::end_sessions(transaction.connection(), user.id, kept);
}

void Change::set_password(std::string_view hash, std::string_view event) const {
  users::set_password(transaction.connection(), hash, user.id);
  end_sessions(event);
  throttle::clear(transaction.connection(), throttle::kLogins, user.phone);
}

void Change::set_phone(std::string_view phone) const {
  users::set_phone(transaction.connection(), phone, user.id);
  void_codes(transaction.connection(), phone);
  end_sessions("phone changed");
  throttle::clear(transaction.connection(), throttle::kLogins, phone);
}

void Change::remove_totp() const {
  delete_totp(transaction.connection(), user.id);
  set_level(transaction.connection(), kOneFactor, user.id);
  end_sessions("totp removed");
}

void Change::remove_factors() const {
  delete_factors(transaction.connection(), user.id);
  set_level(transaction.connection(), kOneFactor, user.id);
  end_sessions("factors removed");
}

void Change::remove() const {
  end_sessions("deleted");
  delete_codes(transaction.connection(), user.phone);
  delete_sessions(transaction.connection(), user.id);
  delete_factors(transaction.connection(), user.id);
  remove_from_groups(transaction.connection(), user.id);
  delete_user(transaction.connection(), user.id);
}

}  // namespace users
