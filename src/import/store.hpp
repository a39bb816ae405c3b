// The rows of users as import writes them and export reads them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "db/mysql.hpp"

namespace users::store {

struct ImportedUser {
  std::string phone;  ///< E.164
  std::string password;
  std::string created;   ///< `YYYY-MM-DD hh:mm:ss`, UTC; empty: now
  std::string disabled;  ///< the same; empty: not
};

struct RegisteredUser {
  std::string password;  ///< its hash
  bool enabled;
};

/// Those of `phones` (E.164) that have an account; one round trip.
std::map<std::string, RegisteredUser> find_registered(db::Connection& connection,
                                                      const std::vector<std::string>& phones);

/// Writes them with an audit row each, in one transaction of four round trips. Throws
/// db::DuplicateKey, and has written nothing, where one of the phones is taken.
void insert_imported(db::Connection& connection, const std::vector<ImportedUser>& users,
                     std::string_view operator_name);

struct ExportedUser {
  std::uint64_t id;
  std::string phone;
  std::string password;
  std::string created;   ///< `YYYY-MM-DD hh:mm:ss`, UTC
  std::string disabled;  ///< the same; empty: not
};

/// Up to `count` users behind this id (0: from the first), by id.
std::vector<ExportedUser> list_for_export(db::Connection& connection, std::uint64_t behind_id,
                                          std::uint64_t count);

}  // namespace users::store
