// What a protected location asks of a session, as its auth_request says: `group/staff,editors`,
// `level/2`, `age/900`, in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accounts/session.hpp"

namespace users {

/// nginx asks about requests to protected locations under this path, which a rule may follow.
constexpr std::string_view kCheckPath = "/users/_auth";
/// Everybody gets in, and the backend learns who it is, if anybody.
constexpr std::string_view kOptionalCheck = "/users/_auth/optional";

struct AccessRule {
  std::string_view groups;  ///< separated by commas: one of them is enough; empty: any
  std::uint64_t level = kOneFactor;
  std::optional<std::uint64_t> age;  ///< most seconds since the owner has authenticated
};

/// Reads the URI of an auth_request: kCheckPath, which any session meets, or kCheckPath, a
/// slash and a rule. Views into `uri`. Throws std::invalid_argument: a typing error must not open a
/// location.
AccessRule read_access_rule(std::string_view uri);

/// Whether every session that meets `rule` meets `other`, too.
bool implies(const AccessRule& rule, const AccessRule& other);

/// Whether the lists of names, separated by commas, have one in common.
bool have_common_name(std::string_view names, std::string_view others);

}  // namespace users
