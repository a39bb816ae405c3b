// Rows of an import: which columns a file has, and why a row is refused.
#include <map>

#include <boost/test/unit_test.hpp>

#include "import/row.hpp"

using namespace users;

namespace {

const std::string kTable = "id\tphone\tpassword\tcreateTime";
const std::string kHash = "$2b$04$" + std::string(53, 'e');

ImportLayout layout(const std::string& first, const std::vector<std::string>& ignore = {}) {
  return read_layout({1, first}, ignore);
}

ImportRow judge(const std::string& text, const std::string& heading = kTable) {
  return judge_row(layout(heading), {2, text}, "CN");
}

/// The reason for refusal, or `good`.
std::string fault(const std::string& text, const std::string& heading = kTable) {
  const char* fault = judge(text, heading).fault;
  return fault == nullptr ? "good" : fault;
}

std::string fault_of_phone(const std::string& phone) {
  return fault("1\t" + phone + "\tsecret\tNULL");
}

std::string fault_of_password(const std::string& password) {
  return fault("1\t18866668888\t" + password + "\tNULL");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(import_row)

BOOST_AUTO_TEST_CASE(columns_are_found_by_name_in_any_order_and_case) {
  const auto row = judge("2018-04-22 10:00:00\tx\tsecret\t7\ty\t188 6666 8888",
                         "CREATETIME\tnick\tPassword\tid\tmore\tPhone");
  BOOST_REQUIRE(row.fault == nullptr);
  BOOST_TEST(row.phone == "+8618866668888");
  BOOST_TEST(row.password.reveal() == "secret");
  BOOST_TEST(row.created == "2018-04-22 10:00:00");
  BOOST_TEST(row.id == 7U);
  BOOST_TEST(row.hash.empty());
  BOOST_TEST(row.disabled.empty());
  const auto least = judge("18866668888\tsecret", "phone\tpassword");
  BOOST_REQUIRE(least.fault == nullptr);
  BOOST_TEST(least.created.empty());
  BOOST_TEST(least.id == kUnknown);
  for (const std::string id : {"NULL", "", "-1", "1x", "0b7c-uuid", "99999999999999999999"}) {
    BOOST_TEST(judge(id + "\t18866668888\tsecret\tNULL").id == kUnknown, id);
  }
  // Of several registration times the first one in users-ctl(8) is used.
  BOOST_TEST(
      judge("1\t188 6666 8888\t2017-01-01\t2018-01-01", "password\tphone\tcreated\tcreated_at")
          .created == "2018-01-01 00:00:00");
}

BOOST_AUTO_TEST_CASE(a_first_line_that_says_nothing_refuses_the_file_and_is_not_quoted) {
  for (const std::string first :
       {"", "phone", "phone\tname", "password\thash", "id\tpassword", "18866668888\tsecret",
        "18866668888", "1\t18866668888\tsecret\t2018-04-22 10:00:00", "phone,password",
        "phone\tphone\tpassword", "phone\tpassword\thash", "phone\tpassword\tid\tid",
        "phone\tpassword\tcreated\tcreated", "18866668888\t$6$a\t2018-04-22\tmore", "\t"}) {
    BOOST_CHECK_EXCEPTION(layout(first), ImportRefused, [](const auto& error) {
      const std::string text = error.what();
      return text.find("secret") == std::string::npos && text.find("188") == std::string::npos;
    });
  }
}

BOOST_AUTO_TEST_CASE(lines_of_hashes_need_no_heading) {
  const std::string line = "18866668888\t" + kHash;
  BOOST_TEST(judge(line, line).hash == kHash);
  BOOST_TEST(judge(line, line).password.reveal().empty());
  // A third column could have any meaning.
  BOOST_CHECK_THROW(layout(line + "\t2018-04-22 10:00:00"), ImportRefused);
  BOOST_TEST(fault("18866668888\tplain", line).starts_with("not a hash"));
  BOOST_TEST(fault("18866668888\t", line) == "no password");
  const std::string argon2 = "$MDEyMzQ1Njc4OWFiY2RlZg$fcxg8bazWR3zjJWElsCwxxNkptqmdaZ6HjseXL0devE";
  for (const auto& [cost, reason] : std::map<std::string, const char*>{
           {"m=131073,t=1,p=1",
            "a hash that takes more than 128 MiB (m of argon2, cost of yescrypt)"},
           {"m=65536,t=1,p=255", "a hash of more than 64 lanes (p of argon2)"},
           {"m=65536,t=1,p=64", "good"}}) {
    BOOST_TEST(fault("18866668888\t$argon2i$v=19$" + cost + argon2, line) == reason);
  }
}

BOOST_AUTO_TEST_CASE(times_are_read_as_databases_and_programs_write_them) {
  const auto created = [](const std::string& time) {
    const auto row = judge("1\t18866668888\tsecret\t" + time);
    return row.remarks[kLostDate] ? "lost" : row.created;
  };
  const std::pair<std::vector<std::string>, std::string> times[] = {
      {{"2016-05-03 08:34:12", "2016-05-03T08:34:12Z", "2016-05-03 08:34:12.123456",
        "2016-05-03 08:34:12,5 UTC", "2016-05-03 16:34:12+08", "2016-05-03 16:34:12 +0800",
        "2016-05-03 03:04:12-05:30"},
       "2016-05-03 08:34:12"},
      {{"2016-05-03", "2016-05-03 00:00", "2016-05-02T23:00:00-01", "2016-05-03Z"},
       "2016-05-03 00:00:00"},
      {{"", "NULL", "\\N", "none", "0000-00-00 00:00:00", "0001-01-01 00:00:00"}, ""},
      {{"yesterday", "2016", "2016-05", "2016-13-01", "2016-02-30", "2016-05-03 24:00:00",
        "2016-05-03 08:61:00", "2016-05-03 08:34:12 CEST", "2016-05-03 08:34:12+08:00x",
        "1969-12-31 23:59:59", "1970-01-01 00:00:00+01", "9999-12-31", "1462264452",
        std::string("2016-05-03\0", 11)},
       "lost"}};
  for (const auto& [spellings, read] : times) {
    for (const std::string& time : spellings) BOOST_TEST(created(time) == read, time);
  }
}

BOOST_AUTO_TEST_CASE(phones_come_in_any_spelling_and_garbage_does_not) {
  for (const std::string phone :
       {"18866668888", "+86 188 6666 8888", "0086 18866668888", "188-6666-8888",
        "１８８６６６６８８８８", " 18866668888 ", "188.6666.8888", "18866668888."}) {
    BOOST_TEST(judge("1\t" + phone + "\tsecret\tNULL").phone == "+8618866668888", phone);
  }
  for (const std::string phone :
       {"", "NULL", "secret", "188", "1886666888a", "188666688881234567", "18866668888,13900000001",
        "\\t", "+", "''", "1.8866668888E+10", "1.89E+10", "18,866,668,888", "=18866668888",
        "'18866668888", "\"18866668888\"", "#####"}) {
    BOOST_TEST(fault_of_phone(phone) == "not a mobile number", phone);
  }
  BOOST_TEST(fault_of_phone("188.6666.0000") == "good");
  for (const std::string phone : {"18866668888.0", "18866668888.00 "}) {
    BOOST_TEST(fault_of_phone(phone) == "a spreadsheet has written .0 behind the phone");
  }
  // Numbers of Hong Kong, Australia, France and Viet Nam.
  for (const std::string phone : {"85291234567", "61412345678", "33612345678", "84912345678"}) {
    BOOST_TEST(fault_of_phone(phone) == "a number of another country without its plus", phone);
    BOOST_TEST(fault_of_phone("+" + phone) == "good", phone);
  }
}

BOOST_AUTO_TEST_CASE(passwords_are_taken_as_they_were_typed_or_refused) {
  const auto password_of = [](const std::string& field) {
    return std::string(judge("1\t18866668888\t" + field + "\tNULL").password.reveal());
  };
  for (const std::string password : {"a", "123456", " two words ", "'\"%_;--", "密码", "$2b$04$x",
                                     "null", "NULLs", "None", "\r", "  ", "\"", "a\"b"}) {
    BOOST_TEST(password_of(password) == password);
  }
  BOOST_TEST(password_of("a\\tb\\nc\\\\d\\\\n") == "a\tb\nc\\d\\n");
  // e and a combining accent become one letter, as at login.
  BOOST_TEST(password_of("e\xCC\x81") == "\xC3\xA9");
  const std::pair<std::string, std::vector<std::string>> faults[] = {
      {"good", {std::string(128, 'x')}},
      {"no password", {"", "NULL", "\\N", "(NULL)", "[NULL]", "<null>"}},
      {"the password is longer than 128 characters",
       {std::string(129, 'x'), std::string(9000, 'x')}},
      {"the password is not UTF-8 text", {"a\xFF", "\xC3", "\xED\xA0\x80", "\xC0\xAF", "a\\0b"}},
      {"a backslash that is no escape of mariadb --batch", {"a\\", "\\x", "\\'", "a\\r"}},
      {"the password is in quotes: save the file without them", {"\"secret\""}}};
  for (const auto& [expected, fields] : faults) {
    for (const std::string& field : fields) BOOST_TEST(fault_of_password(field) == expected, field);
  }
}

BOOST_AUTO_TEST_CASE(columns_that_say_who_is_disabled_are_understood) {
  const auto disabled = [](const std::string& column, const std::string& value) -> std::string {
    const auto row = judge("18866668888\tsecret\t" + value, "phone\tpassword\t" + column);
    if (row.fault != nullptr) return "refused";
    return (row.disabled.empty() ? "no" : "yes") + std::string(row.remarks[kUnclear] ? "?" : "");
  };
  using Words = std::vector<std::string>;
  struct Columns {
    Words names, yes, no, unclear;
  };
  for (const auto& [names, yes, no, unclear] : std::vector<Columns>{
           {{"disabled", "is_disabled", "isDisabled", "blocked", "is_banned", "Suspended",
             "inactive", "deleted", "IS DELETED"},
            {"1", "t", "true", "TRUE", "Y", "yes", "\x01"},
            {"0", "f", "false", "N", "", "NULL", "\\N", "\\0"},
            {"maybe", "2"}},
           {{"active", "is_active", "isActive", "enabled", "is-enabled"},
            {"f", "0"},
            {"1", "yes"},
            {"", "NULL", "\\N", "2"}},
           {{"disableTime", "disabled_at", "deletedAt", "banned_at"},
            {"2019-01-01 00:00:00", "1970-01-01 00:00:00"},
            {"NULL", "", "null", "None", "0000-00-00 00:00:00"},
            {"9999-12-31 23:59:59-05", "9999-12-31", "2999-01-01 00:00:00", "then"}}}) {
    for (const std::string& name : names) {
      for (const auto& word : yes) BOOST_TEST(disabled(name, word) == "yes", name << " " << word);
      for (const auto& word : no) BOOST_TEST(disabled(name, word) == "no", name << " " << word);
      for (const auto& word : unclear) BOOST_TEST(disabled(name, word) == "yes?", name << word);
    }
  }
  // The column with a time wins.
  BOOST_TEST(judge("18866668888\tsecret\t0\t2019-01-01 00:00:00",
                   "phone\tpassword\tis_active\tdisabled_at")
                 .disabled == "2019-01-01 00:00:00");
}

BOOST_AUTO_TEST_CASE(columns_that_may_say_it_stop_the_import_until_they_are_ignored) {
  for (const std::string column :
       {"status",       "user_status", "state",         "locked",   "isLocked",  "delete_flag",
        "activation",   "expires_at",  "del_flag",      "isDel",    "is_ban",    "ban_time",
        "discarded_at", "removed",     "trashed",       "archived", "closed_at", "is_valid",
        "invalid",      "approved",    "silenced_till", "spam",     "cancelled", "freeze",
        "blacklisted",  "禁用",        "用户状态",      "isdel"}) {
    const std::string heading = "phone\tpassword\t" + column;
    BOOST_CHECK_EXCEPTION(layout(heading), ImportRefused, [&](const auto& error) {
      return std::string(error.what()).ends_with("--ignore-column " + column);
    });
    BOOST_TEST(layout(heading, {column}).unused == std::vector<std::string>{column});
  }
  BOOST_CHECK_THROW(layout("phone\tpassword", {"status"}), ImportRefused);
  BOOST_TEST(layout("phone\tpassword\thash", {"password"}).has(Column::hash));
  BOOST_TEST(layout("phone\tname\tpassword\temail\tmodel\tbank\tstatement\t").unused ==
             (std::vector<std::string>{"name", "email", "model", "bank", "statement"}));
}

BOOST_AUTO_TEST_CASE(a_row_of_another_shape_is_refused) {
  for (const char* row : {"1\t18866668888\tsecret", "1\t18866668888\tsecret\tNULL\tmore", "x"}) {
    BOOST_TEST(fault(row) == "not as many columns as the first line");
  }
  BOOST_TEST(fault("1\t18866668888\tpassword\tphone") == "good");
  for (const char* heading : {"id\tPHONE\tpassword\tcreateTime", "password\tphone"}) {
    BOOST_CHECK_THROW(judge(heading), ImportRefused);
  }
}

BOOST_AUTO_TEST_CASE(groups_are_names_or_nothing) {
  const std::string heading = "phone\tpassword\tGroups";
  const auto groups = [&](const std::string& field) {
    const auto row = judge("18866668888\tsecret\t" + field, heading);
    return row.fault == nullptr ? row.groups : std::string("bad");
  };
  BOOST_TEST(groups("staff, editors_2,staff") == "editors_2,staff");
  for (const char* none : {"", "NULL", "\\N", "none"}) BOOST_TEST(groups(none) == "");
  for (const char* bad : {"Staff", "a;b", "a,,b", "a b", "[1]"})
    BOOST_TEST(groups(bad) == "bad", bad);
  BOOST_TEST(groups(std::string(33, 'g')) == "bad");
  std::string many = "g10";
  for (int i = 11; i < 74; ++i) many += ",g" + std::to_string(i);
  BOOST_TEST(groups(many) == many);
  BOOST_TEST(groups(many + ",g74") == "bad");
}

BOOST_AUTO_TEST_SUITE_END()
