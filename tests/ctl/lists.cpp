// The output of users-ctl for pipes, people and programs.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "base/config.hpp"
#include "ctl/operator.hpp"

using namespace users::test;

namespace {

/// The names of an object's members in order, joined by blanks.
std::string names_of(const nlohmann::ordered_json& object) {
  std::string names;
  for (const auto& [name, value] : object.items()) names += (names.empty() ? "" : " ") + name;
  return names;
}

nlohmann::ordered_json ordered(const CtlResult& result) {
  return nlohmann::ordered_json::parse(result.output, nullptr, false);
}

bool has_control_characters(const std::string& text) {
  const bool c1 = text.find("\xC2\x9B") != std::string::npos;
  return c1 || std::ranges::any_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F;
         });
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lists, Account)

BOOST_AUTO_TEST_CASE(user_list_pages_by_number_oldest_first) {
  Person second;
  second.regist();
  const std::string before = std::to_string(std::stoull(id) - 1);
  const auto page = rows_of(ctl({"user", "list", "--after", before, "--limit", "1"}).output);
  BOOST_TEST_REQUIRE(page.size() == 1U);
  BOOST_TEST_REQUIRE(page[0].size() == 4U);
  BOOST_TEST(page[0][0] == id);
  BOOST_TEST(page[0][1] == person.e164());
  BOOST_TEST(page[0][2].ends_with("Z"));
  BOOST_TEST(page[0][3] == "");
  const auto next = rows_of(ctl({"user", "list", "--after=" + id, "--limit=1"}).output);
  BOOST_TEST_REQUIRE(next.size() == 1U);
  BOOST_TEST(next[0][1] == second.e164());
  // Nothing comes after the last one, which is not an error.
  const CtlResult end = ctl({"user", "list", "--after", "18446744073709551615"});
  BOOST_TEST(end.status == 0);
  BOOST_TEST(end.output == "");
  BOOST_TEST(ctl({"user", "list", "--after", "18446744073709551615", "--json"}).output == "[]\n");
}

BOOST_AUTO_TEST_CASE(user_list_shows_100_where_nothing_is_said) {
  std::string values;
  for (int i = 0; i < 101; ++i) {
    values += (values.empty() ? "" : ",");
    values += "('+8613800" + std::to_string(100000 + i) + "', 'x', UTC_TIMESTAMP())";
  }
  query("INSERT INTO users (phone, password, createTime) VALUES " + values);
  const auto rows = rows_of(ctl({"user", "list", "--after", id}).output);
  query("DELETE FROM users WHERE password = 'x'");
  BOOST_TEST(rows.size() == 100U);
  BOOST_TEST(std::ranges::is_sorted(rows, {}, [](const auto& row) { return std::stoull(row[0]); }));
}

BOOST_AUTO_TEST_CASE(user_list_can_show_disabled_ones_only) {
  Person second;
  second.regist();
  ctl({"user", "disable", second.phone(), "--yes"});
  const auto rows = ctl({"user", "list", "--disabled", "--after", id, "--json"}).json();
  BOOST_TEST_REQUIRE(rows.is_array());
  BOOST_TEST_REQUIRE(rows.size() == 1U);
  BOOST_TEST(rows[0].value("phone", "") == second.e164());
  BOOST_TEST(rows[0].value("disabled", "").ends_with("Z"));
  BOOST_TEST(rows[0]["id"].is_number_unsigned());
}

BOOST_AUTO_TEST_CASE(user_show_tells_what_is_counted) {
  static_cast<void>(person.token());
  for (int i = 0; i < 3; ++i) {
    post("login", {{"phone", person.phone()}, {"password", "a wrong one"}});
  }
  const auto shown = ordered(ctl({"user", "show", person.phone(), "--json"}));
  BOOST_TEST(
      names_of(shown) ==
      "id phone created disabled seconds_locked failed_logins code_guesses_today "
      "codes_sent_today sessions level groups factors passkeys recovery_codes wrong_second_factors "
      "second_factor_seconds_locked password_hash");
  BOOST_TEST(shown["id"].dump() == id);
  BOOST_TEST(shown["disabled"].is_null());
  BOOST_TEST(shown["failed_logins"] == 3);
  BOOST_TEST(shown["seconds_locked"] == 0);
  BOOST_TEST(shown["sessions"] == 1);
  BOOST_TEST(shown["password_hash"] == "argon2id");
  const auto rows = rows_of(ctl({"user", "show", person.phone()}).output);
  BOOST_TEST_REQUIRE(rows.size() == 17U);
  BOOST_TEST(rows[1][0] == "phone");
  BOOST_TEST(rows[1][1] == person.e164());
}

BOOST_AUTO_TEST_CASE(user_sessions_shows_a_hostile_agent_as_text) {
  const std::string hostile =
      "\x1B]0;owned\x07\x1B[31m \xC2\x9B"
      "2J 浏览器\t\x7F";
  post("login", {{"phone", person.phone()}, {"password", person.password()}});
  // nginx passes no control characters, but whoever writes to the table can.
  query("UPDATE sessions SET agent = '" + hostile + "' WHERE user_id = " + id);
  const CtlResult tabs = ctl({"user", "sessions", person.phone()});
  BOOST_TEST(!has_control_characters(tabs.output));
  const auto rows = rows_of(tabs.output);
  BOOST_TEST_REQUIRE(rows.size() == 1U);
  BOOST_TEST_REQUIRE(rows[0].size() == 8U);
  BOOST_TEST(rows[0][3] == "127.0.0.1");
  BOOST_TEST(rows[0][4] ==
             "\\x1b]0;owned\\x07\\x1b[31m \\xc2\\x9b"
             "2J 浏览器\\x09\\x7f");
  const CtlResult json = ctl({"user", "sessions", person.phone(), "--json"});
  BOOST_TEST(!has_control_characters(json.output));
  BOOST_TEST_REQUIRE(json.json().is_array());
  BOOST_TEST(json.json()[0].value("agent", "") == hostile);
  Terminal terminal({"user", "sessions", person.phone()});
  BOOST_TEST(terminal.finish() == 0);
  BOOST_TEST(!has_control_characters(terminal.shown()));
}

BOOST_AUTO_TEST_CASE(a_terminal_gets_columns_under_a_heading) {
  const std::string before = std::to_string(std::stoull(id) - 1);
  Terminal terminal({"user", "list", "--after", before, "--limit", "1"});
  BOOST_TEST(terminal.finish() == 0);
  const std::string& shown = terminal.shown();
  BOOST_TEST(shown.find('\t') == std::string::npos);
  const auto heading = shown.find("phone");
  const auto phone = shown.find(person.e164());
  BOOST_TEST_REQUIRE(heading != std::string::npos);
  BOOST_TEST_REQUIRE(phone != std::string::npos);
  const auto second_line = shown.find('\n') + 1;
  BOOST_TEST(heading == phone - second_line);
  BOOST_TEST(shown.find("the next ones: --after " + id) != std::string::npos);
  // The hint is for people: a pipe gets only rows.
  BOOST_TEST(ctl({"user", "list", "--after", before, "--limit", "1"}).errors == "");
}

BOOST_AUTO_TEST_CASE(audit_tells_the_operator_from_the_user) {
  static_cast<void>(person.token());
  ctl({"user", "lock", person.phone()});
  const CtlResult tabs = ctl({"audit", person.phone()});
  const auto rows = rows_of(tabs.output);
  BOOST_TEST_REQUIRE(rows.size() == 3U);
  BOOST_TEST(rows[0][1] == "locked");
  BOOST_TEST(rows[0][2] == operator_on_duty());
  BOOST_TEST(rows[0][3] == "");
  BOOST_TEST(rows[1][1] == "login");
  BOOST_TEST(rows[1][2] == "");
  BOOST_TEST(rows[1][3] == "127.0.0.1");
  BOOST_TEST(rows[2][1] == "regist");
  BOOST_TEST(ctl({"audit", "#" + id}).output == tabs.output);
  BOOST_TEST(rows_of(ctl({"audit", person.phone(), "--limit", "1"}).output).size() == 1U);
  const auto json = ordered(ctl({"audit", person.phone(), "--json"}));
  BOOST_TEST_REQUIRE(json.is_array());
  BOOST_TEST(names_of(json[0]) == "time event operator address request_id");
  BOOST_TEST(json[0]["address"].is_null());
  BOOST_TEST(json[1]["operator"].is_null());
}

BOOST_AUTO_TEST_CASE(the_operators_name_fits_the_audit_whatever_sudo_says) {
  const std::string name = std::string(63, 'a') + "é\xFF";
  const CtlResult result = ctl({"user", "lock", person.phone()}, "", {"SUDO_USER=" + name});
  BOOST_TEST(result.status == 0);
  const std::string stored = rows_of(ctl({"audit", person.phone()}).output).at(0).at(2);
  BOOST_TEST(stored == (::geteuid() == 0 ? std::string(63, 'a') : operator_on_duty()));
}

BOOST_AUTO_TEST_CASE(config_shows_every_key_and_where_its_value_came_from) {
  const CtlResult tabs = ctl({"config"}, "", {"USERS_FCGI_LOG_KEEP_DAYS=7"});
  BOOST_TEST(tabs.status == 0);
  const auto rows = rows_of(tabs.output);
  BOOST_TEST(rows.size() == users::config_keys().size());
  const auto row_of = [&](const std::string& key) {
    const auto found = std::ranges::find_if(rows, [&](const auto& row) { return row[0] == key; });
    return found == rows.end() ? std::vector<std::string>{} : *found;
  };
  using Row = std::vector<std::string>;
  BOOST_TEST((row_of("log.keep_days") ==
              Row{"log.keep_days", "7", "environment USERS_FCGI_LOG_KEEP_DAYS"}));
  BOOST_TEST((row_of("database.name") == Row{"database.name", "users", "default"}));
  const Row from_file = row_of("session.cookie_secure");
  BOOST_TEST_REQUIRE(from_file.size() == 3U);
  BOOST_TEST(from_file[1] == "no");
  BOOST_TEST(from_file[2].starts_with(state_folder() + "/users.conf:"));
  const auto json = ordered(ctl({"config", "--json"}));
  BOOST_TEST_REQUIRE(json.is_array());
  BOOST_TEST(json.size() == rows.size());
  BOOST_TEST(names_of(json[0]) == "key value origin");
}

BOOST_AUTO_TEST_CASE(config_shows_bytes_that_are_no_text) {
  for (const bool json : {false, true}) {
    std::vector<std::string> arguments{"config"};
    if (json) arguments.emplace_back("--json");
    const CtlResult result = ctl(arguments, "", {"USERS_FCGI_DATABASE_HOSTS=/a\x1B\xFF"});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(!has_control_characters(result.output));
    if (json) BOOST_TEST(result.json().is_array());
  }
}

BOOST_AUTO_TEST_CASE(no_secret_is_shown) {
  std::string all = ctl({"config"}).output + ctl({"user", "show", person.phone()}).output +
                    ctl({"user", "list"}).output + ctl({"audit", person.phone()}).output;
  const std::string hash = query("SELECT password FROM users WHERE id = " + id);
  BOOST_TEST(all.find(hash) == std::string::npos);
  for (const char* name : {"key", "service_password", "migration_password"}) {
    const std::string secret =
        run_command("cat '" + state_folder() + "/secrets/" + name + "'").output;
    BOOST_TEST(secret.size() == 64U);
    BOOST_TEST(all.find(secret) == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
