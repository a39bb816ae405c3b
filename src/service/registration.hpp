// One registration on its way through the database.
#pragma once

#include <optional>
#include <string>

#include "accounts/outcome.hpp"
#include "accounts/password.hpp"
#include "accounts/phone.hpp"
#include "base/config.hpp"
#include "base/crypto.hpp"
#include "db/mysql.hpp"
#include "factors/verification.hpp"
#include "metrics/metrics.hpp"

namespace users::store {
struct User;
}

namespace users {

class RegistrationAttempt {
 public:
  struct Subject {
    const Phone& phone;
    const Secret& password;
    std::string_view code;
    crypto::Digest retry_key;
  };

  /// All must outlive this object.
  RegistrationAttempt(const Config& config, Metrics& metrics, const Verification& verification,
                      const PasswordCheck& passwords, const Subject& subject, const Client& client)
      : config_(config),
        metrics_(metrics),
        verification_(verification),
        passwords_(passwords),
        subject_(subject),
        client_(client) {}

  /// Takes the registration to its end; may run again after a lost transaction.
  Outcome settle(db::Connection& connection);

  /// Whether it was this attempt that made the account, once settle() has returned ok.
  [[nodiscard]] bool made() const { return made_; }

 private:
  /// Where an earlier try of this registration made `user`: ok, or too_many_requests after too many
  /// tries with another password.
  std::optional<Outcome> own_outcome(db::Connection& connection,
                                     const std::optional<store::User>& user) const;
  [[nodiscard]] Outcome known() const;
  [[nodiscard]] bool is_weak_password() const;
  Outcome check_code(db::Connection& connection);
  bool insert(db::Connection& connection);

  const Config& config_;
  Metrics& metrics_;
  const Verification& verification_;
  const PasswordCheck& passwords_;
  const Subject& subject_;
  const Client& client_;
  std::optional<std::string> hash_;
  bool code_checked_ = false;
  bool made_ = false;
};

}  // namespace users
