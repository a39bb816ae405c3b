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

/// The groups of the account `u`, for a select list: in order, separated by commas.
constexpr const char* kGroupsOfUser =
    "IFNULL((SELECT GROUP_CONCAT(m.name ORDER BY m.name) FROM group_members m WHERE m.user_id = "
    "u.id), '')";

struct Group {
  std::string name;
  std::uint64_t members = 0;
};

struct GroupsOfUser {
  std::uint64_t user_id = 0;
  std::string groups;  ///< separated by commas
};

struct Member {
  std::uint64_t id = 0;
  std::string phone;  ///< E.164
};

/// Returns 0 if the account is in the group already.
extern const db::Write<void(std::uint64_t user_id, std::string_view group)> add_to_group;
extern const db::Write<void(std::uint64_t user_id, std::string_view group)> remove_from_group;
extern const db::Write<void(std::uint64_t user_id)> remove_from_groups;
extern const db::Query<db::Number(std::uint64_t user_id)> count_groups;
/// Separated by commas.
extern const db::Query<db::Text(std::uint64_t user_id)> find_groups;
/// Of the accounts with a number greater than `after`, up to `last`; those without groups are
/// missing.
extern const db::Query<GroupsOfUser(std::uint64_t after, std::uint64_t last)> list_groups_of_users;
extern const db::Query<Group(std::string_view after, std::uint64_t limit)> list_groups;
extern const db::Query<Member(std::string_view group, std::uint64_t after_id, std::uint64_t limit)>
    list_members;

}  // namespace users
