// Groups: names that operators give to accounts, for the rules of locations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "db/statement.hpp"

namespace users {

/// Their names fit into a header of 2,200 bytes, and into a signed identity of 3,300.
constexpr std::uint64_t kMostGroups = 64;

/// Whether it is 1 to 32 of a-z, 0-9, _ and -.
bool is_group_name(std::string_view text);

struct Group {
  std::string name;
  std::uint64_t members = 0;
};

struct Member {
  std::uint64_t id = 0;
  std::string phone;  ///< E.164
};

/// Returns 0 if the account is in the group already.
extern const db::Write<void(std::uint64_t user_id, std::string_view group)> add_to_group;
extern const db::Write<void(std::uint64_t user_id, std::string_view group)> remove_from_group;
extern const db::Write<void(std::uint64_t user_id)> remove_from_groups;
/// Copies the names to the account's row. Call after add_to_group and remove_from_group.
extern const db::Write<void(std::uint64_t user_id)> copy_groups;
extern const db::Query<Group(std::string_view after, std::uint64_t limit)> list_groups;
extern const db::Query<Member(std::string_view group, std::uint64_t after_id, std::uint64_t limit)>
    list_members;

}  // namespace users
