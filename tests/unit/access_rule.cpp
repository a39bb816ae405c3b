// Rules of locations: strict, since a typing error must not open one.
#include "accounts/access_rule.hpp"

#include <deque>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "accounts/groups.hpp"

namespace users::test {

namespace {

AccessRule read(const std::string& rule) {
  // The rule has views into it.
  static std::deque<std::string> uris;
  return read_access_rule(uris.emplace_back("/users/_auth/" + rule));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(access_rule)

BOOST_AUTO_TEST_CASE(a_rule_is_read_in_any_order) {
  const AccessRule any = read_access_rule(kCheckPath);
  BOOST_TEST(any.groups == "");
  BOOST_TEST(any.level == 1U);
  BOOST_TEST(!any.age);
  for (const char* text : {"group/a,b-2_/level/2/age/900", "age/900/group/a,b-2_/level/2"}) {
    const AccessRule rule = read(text);
    BOOST_TEST(rule.groups == "a,b-2_");
    BOOST_TEST(rule.level == 2U);
    BOOST_TEST(rule.age.value() == 900U);
  }
  BOOST_TEST(read("age/31536000").age.value() == 31536000U);
  BOOST_TEST(read("group/" + std::string(32, 'g')).groups.size() == 32U);
}

BOOST_AUTO_TEST_CASE(all_else_is_refused) {
  for (const std::string& text : {std::string(""),
                                  std::string("/"),
                                  std::string("group"),
                                  std::string("group/"),
                                  std::string("group/a/"),
                                  std::string("group//a"),
                                  std::string("/group/a"),
                                  std::string("group/A"),
                                  std::string("group/a b"),
                                  std::string("group/a, b"),
                                  std::string("group/a,"),
                                  std::string("group/,a"),
                                  std::string("group/\xC3\xA9"),
                                  std::string("group/a\n"),
                                  std::string("group/" + std::string(33, 'g')),
                                  std::string("group/a/group/b"),
                                  std::string("level"),
                                  std::string("level/"),
                                  std::string("level/0"),
                                  std::string("level/3"),
                                  std::string("level/+2"),
                                  std::string("level/2 "),
                                  std::string("level/1/level/2"),
                                  std::string("age/0"),
                                  std::string("age/09"),
                                  std::string("age/31536001"),
                                  std::string("age/99999999999999999999"),
                                  std::string("age/1e3"),
                                  std::string("role/a"),
                                  std::string("GROUP/a"),
                                  std::string("group/a/x")}) {
    BOOST_CHECK_THROW((void)read(text), std::invalid_argument);
  }
  const std::vector<std::pair<std::string, std::string>> faults{
      {"groups/staff",
       "groups is no part of a rule: these are group/NAMES, level/N and age/SECONDS"},
      {"level/3", "level needs a number from 1 to 2, not '3'"},
      {"age/15m", "age needs a number from 1 to 31536000, not '15m'"},
      {"group/Staff", "group needs names of 1 to 32 of a-z, 0-9, _ and -, with commas between"},
      {"age/1/level/2/age/1", "age is there twice"},
      {"\x1b[2J/x",
       "\\x1b[2J is no part of a rule: these are group/NAMES, level/N and age/SECONDS"}};
  for (const auto& [text, fault] : faults) {
    BOOST_CHECK_EXCEPTION((void)read(text), std::invalid_argument,
                          [&](const auto& error) { return error.what() == fault; });
  }
  for (const char* uri : {"", "/", "/users/_authx", "/users/auth", "/users/_aut", "users/_auth"}) {
    BOOST_CHECK_THROW((void)read_access_rule(uri), std::invalid_argument);
  }
}

BOOST_AUTO_TEST_CASE(a_stricter_rule_implies_a_weaker_one) {
  struct Row {
    std::string rule;
    std::string other;
    bool is_implied;
  };
  const Row rows[] = {{"level/2", "level/1", true},
                      {"level/1", "level/2", false},
                      {"age/899", "age/900", true},
                      {"age/901", "age/900", false},
                      {"level/2", "age/900", false},
                      {"age/900", "level/1", true},
                      {"group/a", "group/b,a", true},
                      {"group/a,b", "group/b,a", true},
                      {"group/a,c", "group/b,a", false},
                      {"level/2", "group/a", false},
                      {"group/a/level/2/age/9", "age/10/group/a", true}};
  for (const auto& [rule, other, is_implied] : rows) {
    BOOST_TEST(implies(read(rule), read(other)) == is_implied, rule << ", " << other);
    BOOST_TEST(implies(read(rule), AccessRule{}));
  }
}

BOOST_AUTO_TEST_CASE(one_name_in_common_is_enough_and_parts_of_names_are_none) {
  BOOST_TEST(have_common_name("staff", "authors,staff"));
  BOOST_TEST(have_common_name("x,staff,y", "staff"));
  BOOST_TEST(!have_common_name("staff", ""));
  BOOST_TEST(!have_common_name("staff", "staff2,taff,sta"));
  BOOST_TEST(!have_common_name("a,b", "c,d"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
