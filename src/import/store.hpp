// The rows of users as import writes them and export reads them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/connection.hpp"

namespace users {

struct ImportedUser {
  std::string phone;  ///< E.164
  std::string password;
  std::string created;   ///< `YYYY-MM-DD hh:mm:ss`, UTC; empty: now
  std::string disabled;  ///< the same; empty: not
};

struct RegisteredUser {
  std::string phone;  ///< E.164
  bool enabled = false;
};

/// Those of `phones` (E.164) that have an account; one round trip.
std::map<std::string, RegisteredUser> find_registered(db::Connection& connection,
                                                      const std::vector<std::string>& phones);

/// Writes them with an audit row each, in two round trips. Throws db::DuplicateKey if one of the
/// phones is taken.
void insert_imported(const db::Transaction& transaction, const std::vector<ImportedUser>& users,
                     std::string_view operator_name);

struct ExportedUser {
  std::uint64_t id = 0;
  std::string phone;
  std::string password;
  std::string created;                  ///< `YYYY-MM-DD hh:mm:ss`, UTC
  std::optional<std::string> disabled;  ///< the same
};

/// Up to `count` users behind this id (0: from the first), by id.
std::vector<ExportedUser> list_for_export(db::Connection& connection, std::uint64_t behind_id,
                                          std::uint64_t count);

}  // namespace users
