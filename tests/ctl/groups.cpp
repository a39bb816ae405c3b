// users-ctl group: members, lists, and what is refused.
#include <boost/test/unit_test.hpp>

#include "ctl/operator.hpp"
#include "support/text.hpp"

using namespace users::test;

namespace {

struct Fixture : Account {
  Account other;
  std::string group = "group-" + id;  ///< of this test alone

  [[nodiscard]] std::string last_event(const Account& account) const {
    return query(
        "SELECT CONCAT(event, ' by ', COALESCE(operator_name, 'the user')) FROM audit WHERE "
        "user_id = " +
        account.id + " ORDER BY id DESC LIMIT 1");
  }
  [[nodiscard]] static std::string line(const Account& account, const std::string& done) {
    return "user " + account.id + ", phone " + account.person.e164() + ": " + done + "\n";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(groups, Fixture)

BOOST_AUTO_TEST_CASE(accounts_come_and_go_and_the_audit_tells) {
  const std::string token = person.token();
  const CtlResult added = ctl({"group", "add", person.phone(), other.person.phone(), group});
  BOOST_TEST(added.status == 0);
  BOOST_TEST(added.output == line(*this, "is now in " + group) + line(other, "is now in " + group));
  BOOST_TEST(last_event(other) == "added to group " + group + " by " + operator_on_duty());
  BOOST_TEST(is_alive(token));
  BOOST_TEST(ctl({"group", "add", person.phone(), group}).output ==
             line(*this, "was already in " + group));
  BOOST_TEST(rows_of(ctl({"group", "members", group}).output) ==
             (std::vector<std::vector<std::string>>{{id, person.e164()},
                                                    {other.id, other.person.e164()}}));
  BOOST_TEST(rows_of(ctl({"group", "members", group, "--limit", "1", "--after", id}).output) ==
             (std::vector<std::vector<std::string>>{{other.id, other.person.e164()}}));
  BOOST_TEST(contains(ctl({"group", "list"}).output, group + "\t2\n"));
  BOOST_TEST(ctl({"user", "show", person.phone(), "--json"}).json().at("groups") ==
             nlohmann::json::array({group}));
  BOOST_TEST(ctl({"group", "remove", person.phone(), group}).output ==
             line(*this, "is no longer in " + group));
  BOOST_TEST(last_event(*this) == "removed from group " + group + " by " + operator_on_duty());
  BOOST_TEST(ctl({"group", "remove", person.phone(), group}).output ==
             line(*this, "was not in " + group));
  const std::string hyphen = "-" + group;
  BOOST_TEST(ctl({"group", "add", "--", person.phone(), hyphen}).output ==
             line(*this, "is now in " + hyphen));
  BOOST_TEST(ctl({"group", "remove", "--", person.phone(), hyphen}).output ==
             line(*this, "is no longer in " + hyphen));
  BOOST_TEST(ctl({"user", "delete", "--yes", other.person.phone()}).status == 0);
  BOOST_TEST(!contains(ctl({"group", "list"}).output, group));
  BOOST_TEST(query("SELECT COUNT(*) FROM group_members WHERE user_id = " + other.id) == "0");
}

BOOST_AUTO_TEST_CASE(many_come_by_a_pipe) {
  const CtlResult added =
      ctl({"group", "add", "-", group}, person.phone() + "\n\n " + other.person.e164() + "\n");
  BOOST_TEST(added.status == 0);
  BOOST_TEST(rows_of(ctl({"group", "members", group}).output).size() == 2U);
  // A line that is no phone changes nothing.
  for (const std::string& bad : {std::string("x"), std::string("1\0"
                                                               "2",
                                                               3)}) {
    const CtlResult refused =
        ctl({"group", "remove", "-", group}, person.phone() + "\n\n" + bad + "\n");
    BOOST_TEST(refused.status == 64);
    BOOST_TEST(contains(refused.errors, bad == "x" ? "line 3: 'x' is no mobile phone number"
                                                   : "line 3: '1\\x002' is no mobile"));
    BOOST_TEST(contains(refused.errors, "Nothing was changed"));
  }
  const CtlResult nothing = ctl({"group", "add", "-", group}, "\n \n");
  BOOST_TEST(nothing.status == 64);
  BOOST_TEST(contains(nothing.errors, "standard input has no phone number"));
  BOOST_TEST(rows_of(ctl({"group", "members", group}).output).size() == 2U);
}

BOOST_AUTO_TEST_CASE(one_without_an_account_does_not_keep_the_others) {
  const CtlResult added = ctl({"group", "add", fresh_phone(), person.phone(), group});
  BOOST_TEST(added.status == 1);
  BOOST_TEST(contains(added.errors, "no account has the phone"));
  BOOST_TEST(added.output == line(*this, "is now in " + group));
}

BOOST_AUTO_TEST_CASE(a_name_is_short_and_plain) {
  for (const std::string& bad : {std::string("Staff"), std::string("a b"), std::string("a,b"),
                                 std::string(), std::string(33, 'g'), std::string("a/b")}) {
    const CtlResult refused = ctl({"group", "add", person.phone(), bad});
    BOOST_TEST(refused.status == 64);
    BOOST_TEST(contains(refused.errors, "a group's name is 1 to 32 of a-z, 0-9, _ and -"));
  }
  BOOST_TEST(ctl({"group", "add", person.phone()}).status == 64);
  for (const std::string after : {"\xFF", "\xC3\xA9", "A"}) {
    BOOST_TEST(ctl({"group", "list", "--after", after}).status == 64);
  }
  // The group was forgotten.
  const CtlResult forgotten = ctl({"group", "add", person.phone(), other.person.phone()});
  BOOST_TEST(forgotten.status == 64);
  BOOST_TEST(contains(forgotten.errors, "' is a phone number"));
  const CtlResult nobody = ctl({"group", "members", group});
  BOOST_TEST(nobody.status == 0);
  BOOST_TEST(contains(nobody.errors, "nobody is in " + group));
}

BOOST_AUTO_TEST_CASE(an_account_has_at_most_64) {
  query(
      "INSERT INTO group_members WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n "
      "WHERE i < 64) SELECT " +
      id + ", CONCAT('g', i) FROM n");
  query(
      "UPDATE users SET groupNames = (SELECT GROUP_CONCAT(name ORDER BY name) FROM group_members "
      "WHERE user_id = id) WHERE id = " +
      id);
  const CtlResult refused = ctl({"group", "add", person.phone(), group});
  BOOST_TEST(refused.status == 1);
  BOOST_TEST(contains(refused.errors, "an account has at most 64 groups"));
  BOOST_TEST(query("SELECT COUNT(*) FROM group_members WHERE user_id = " + id) == "64");
}

BOOST_AUTO_TEST_SUITE_END()
