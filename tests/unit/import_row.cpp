// Rows of an import: which columns a file has, and what keeps a row out.
#include <boost/test/unit_test.hpp>

#include "import/row.hpp"

using namespace users;

namespace {

Line line_of(std::string_view text, LineState state = LineState::whole) {
  return {1, text, state};
}

const std::string kTable = "id\tphone\tpassword\tcreateTime";

/// The row, or nothing where it is refused.
std::optional<ImportRow> good(const std::string& text, const std::string& heading = kTable) {
  auto judged = judge_row(read_layout(line_of(heading)), line_of(text), "CN");
  if (auto* row = std::get_if<ImportRow>(&judged)) return std::move(*row);
  return std::nullopt;
}

/// Why it is refused, `good` where it is not.
std::string fault(const std::string& text, const std::string& heading = kTable,
                  LineState state = LineState::whole) {
  const auto judged = judge_row(read_layout(line_of(heading)), line_of(text, state), "CN");
  const auto* found = std::get_if<RowFault>(&judged);
  return found == nullptr ? "good" : std::string(text_of(*found));
}

std::string fault_of_password(const std::string& password) {
  return fault("1\t18866668888\t" + password + "\tNULL");
}

std::string password_of(const std::string& field) {
  const auto row = good("1\t18866668888\t" + field + "\tNULL");
  return row ? std::string(row->password.reveal()) : "refused: " + fault_of_password(field);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(import_row)

BOOST_AUTO_TEST_CASE(columns_are_found_by_name_in_any_order_and_case) {
  const auto row = good("2018-04-22 10:00:00\tx\tsecret\t7\ty\t188 6666 8888",
                        "CREATETIME\tnick\tPassword\tid\tmore\tPhone");
  BOOST_REQUIRE(row);
  BOOST_TEST(row->phone.e164() == "+8618866668888");
  BOOST_TEST(row->password.reveal() == "secret");
  BOOST_TEST(row->created == "2018-04-22 10:00:00");
  BOOST_TEST(row->age == 20180422100000U);
  BOOST_TEST(row->id == 7U);
  BOOST_TEST(row->hash.empty());
  BOOST_TEST(row->disabled.empty());
}

BOOST_AUTO_TEST_CASE(id_and_date_may_be_missing) {
  const auto row = good("18866668888\tsecret", "phone\tpassword");
  BOOST_REQUIRE(row);
  BOOST_TEST(row->created.empty());
  BOOST_TEST(row->age == kUnknown);
  BOOST_TEST(row->id == kUnknown);
}

BOOST_AUTO_TEST_CASE(an_id_that_is_no_number_is_none) {
  for (const std::string id : {"NULL", "", "-1", "1x", "0b7c-uuid", "99999999999999999999"}) {
    const auto row = good(id + "\t18866668888\tsecret\tNULL");
    BOOST_REQUIRE(row);
    BOOST_TEST(row->id == kUnknown);
  }
}

BOOST_AUTO_TEST_CASE(a_first_line_that_says_nothing_refuses_the_file) {
  for (const char* first :
       {"phone", "phone\tname", "password\thash", "id\tpassword", "18866668888\tsecret",
        "18866668888", "1\t18866668888\tsecret\t2018-04-22 10:00:00", "phone,password",
        "phone\tphone\tpassword", "phone\tpassword\thash", "phone\tpassword\tid\tid",
        "18866668888\t$6$a\t2018-04-22\tmore", "\t"}) {
    BOOST_CHECK_THROW(read_layout(line_of(first)), ImportRefused);
  }
  BOOST_CHECK_THROW(read_layout(line_of("", LineState::too_long)), ImportRefused);
}

BOOST_AUTO_TEST_CASE(a_refused_file_is_not_quoted) {
  BOOST_CHECK_EXCEPTION(read_layout(line_of("18866668888\tsecret")), ImportRefused,
                        [](const auto& error) {
                          const std::string_view text = error.what();
                          return text.find("secret") == std::string_view::npos &&
                                 text.find("188") == std::string_view::npos &&
                                 text.find("line 1") != std::string_view::npos;
                        });
}

BOOST_AUTO_TEST_CASE(lines_of_hashes_need_no_heading) {
  const std::string hash = "$2b$04$" + std::string(53, 'e');
  const auto two = good("+8618866668888\t" + hash, "+8618866668888\t" + hash);
  BOOST_REQUIRE(two);
  BOOST_TEST(two->hash == hash);
  BOOST_TEST(two->password.reveal().empty());
  // A third column may be anything: since when it is there, or is no longer.
  BOOST_CHECK_THROW(read_layout(line_of("18866668888\t" + hash + "\t2018-04-22 10:00:00")),
                    ImportRefused);
  BOOST_TEST(fault("18866668888\tplain", "18866668888\t" + hash).starts_with("not a hash"));
  BOOST_TEST(fault("18866668888\t$1$a$b", "18866668888\t" + hash).starts_with("not a hash"));
  BOOST_TEST(fault("18866668888\t", "18866668888\t" + hash) == "no password");
}

BOOST_AUTO_TEST_CASE(the_form_of_export_brings_whoever_is_disabled) {
  const std::string heading = "phone\thash\tcreateTime\tdisableTime";
  const std::string hash = "$2b$04$" + std::string(53, 'e');
  const auto row =
      good("+8618866668888\t" + hash + "\t2018-04-22 10:00:00\t2019-01-01 00:00:01", heading);
  BOOST_REQUIRE(row);
  BOOST_TEST(row->disabled == "2019-01-01 00:00:01");
  BOOST_TEST(good("18866668888\t" + hash + "\tNULL\tNULL", heading)->disabled.empty());
}

BOOST_AUTO_TEST_CASE(phones_come_in_any_spelling_and_garbage_does_not) {
  for (const std::string phone : {"18866668888", "+86 188 6666 8888", "0086 18866668888",
                                  "188-6666-8888", "１８８６６６６８８８８", " 18866668888 "}) {
    const auto row = good("1\t" + phone + "\tsecret\tNULL");
    BOOST_REQUIRE_MESSAGE(row, phone);
    BOOST_TEST(row->phone.e164() == "+8618866668888");
  }
  for (const std::string phone : {"", "NULL", "secret", "188", "1886666888a", "188666688881234567",
                                  "18866668888,13900000001", "\\t", "+", "''"}) {
    BOOST_TEST(fault("1\t" + phone + "\tsecret\tNULL") == "not a mobile number", phone);
  }
}

BOOST_AUTO_TEST_CASE(passwords_are_taken_as_they_were_typed) {
  for (const std::string password : {"a", "123456", " two words ", "'\"%_;--", "密码", "$2b$04$x",
                                     "null", "NULLs", "None", "\r", "  "}) {
    BOOST_TEST(password_of(password) == password);
  }
  for (const char* nothing : {"", "NULL", "\\N", "(NULL)", "[NULL]", "<null>"}) {
    BOOST_TEST(fault_of_password(nothing) == "no password", nothing);
  }
  BOOST_TEST(password_of("a\\tb\\nc\\\\d\\\\n") == "a\tb\nc\\d\\n");
  // e and a combining accent are one letter, as login has it.
  BOOST_TEST(password_of("e\xCC\x81") == "\xC3\xA9");
}

BOOST_AUTO_TEST_CASE(passwords_that_could_never_log_in_are_refused) {
  BOOST_TEST(fault_of_password("") == "no password");
  BOOST_TEST(fault_of_password("NULL") == "no password");
  BOOST_TEST(fault_of_password(std::string(128, 'x')) == "good");
  BOOST_TEST(fault_of_password(std::string(129, 'x')).starts_with("the password is longer"));
  BOOST_TEST(fault_of_password(std::string(9000, 'x')).starts_with("the password is longer"));
  for (const std::string bytes : {"a\xFF", "\xC3", "\xED\xA0\x80", "\xC0\xAF", "a\\0b"}) {
    BOOST_TEST(fault_of_password(bytes) == "the password is not UTF-8 text");
  }
  for (const char* broken : {"a\\", "\\x", "\\'", "a\\r"}) {
    BOOST_TEST(fault_of_password(broken).starts_with("a backslash"));
  }
}

BOOST_AUTO_TEST_CASE(a_password_with_the_form_of_a_hash_is_noticed) {
  BOOST_TEST(good("1\t18866668888\t$2b$04$" + std::string(53, 'e') + "\tNULL")->looks_hashed);
  BOOST_TEST(!good("1\t18866668888\t$2b$\tNULL")->looks_hashed);
}

BOOST_AUTO_TEST_CASE(columns_that_say_who_is_disabled_are_understood_or_stop_it) {
  const auto disabled = [](const std::string& column, const std::string& value) -> std::string {
    const auto row = good("18866668888\tsecret\t" + value, "phone\tpassword\t" + column);
    if (!row) return "refused";
    return (row->disabled.empty() ? "no" : "yes") + std::string(row->unclear ? "?" : "");
  };
  for (const char* column : {"disabled", "is_disabled", "isDisabled", "blocked", "is_banned",
                             "Suspended", "inactive", "deleted", "IS DELETED"}) {
    for (const char* yes : {"1", "t", "true", "TRUE", "Y", "yes"}) {
      BOOST_TEST(disabled(column, yes) == "yes", column << " " << yes);
    }
    for (const char* no : {"0", "f", "false", "N", "", "NULL", "\\N"}) {
      BOOST_TEST(disabled(column, no) == "no", column << " " << no);
    }
    BOOST_TEST(disabled(column, "maybe") == "yes?", column);
  }
  for (const char* column : {"active", "is_active", "isActive", "enabled", "is-enabled"}) {
    BOOST_TEST(disabled(column, "1") == "no", column);
    BOOST_TEST(disabled(column, "f") == "yes", column);
    for (const char* unclear : {"", "NULL", "\\N", "2"}) {
      BOOST_TEST(disabled(column, unclear) == "yes?", column << " " << unclear);
    }
  }
  for (const char* column : {"disableTime", "disabled_at", "deletedAt", "banned_at"}) {
    BOOST_TEST(disabled(column, "2019-01-01 00:00:00") == "yes", column);
    for (const char* never : {"NULL", "", "null", "None", "0000-00-00 00:00:00"}) {
      BOOST_TEST(disabled(column, never) == "no", column << " " << never);
    }
    for (const char* ahead : {"9999-12-31 23:59:59-05", "9999-12-31", "2999-01-01 00:00:00"}) {
      BOOST_TEST(disabled(column, ahead) == "yes?", column << " " << ahead);
    }
    BOOST_TEST(disabled(column, "then") == "yes?", column);
  }
  // The time is that of the column that tells it.
  BOOST_TEST(
      good("18866668888\tsecret\t0\t2019-01-01 00:00:00", "phone\tpassword\tis_active\tdisabled_at")
          ->disabled == "2019-01-01 00:00:00");
  for (const std::string column :
       {"status",       "user_status", "state",         "locked",   "isLocked",  "delete_flag",
        "activation",   "expires_at",  "del_flag",      "isDel",    "is_ban",    "ban_time",
        "discarded_at", "removed",     "trashed",       "archived", "closed_at", "is_valid",
        "invalid",      "approved",    "silenced_till", "spam",     "cancelled", "freeze",
        "blacklisted",  "禁用",        "用户状态"}) {
    const std::string heading = "phone\tpassword\t" + column;
    BOOST_CHECK_EXCEPTION(read_layout(line_of(heading)), ImportRefused, [&](const auto& error) {
      return std::string(error.what()).find("--ignore-column " + column) != std::string::npos;
    });
    BOOST_TEST(
        (read_layout(line_of(heading), {column}).ignored == std::vector<std::string>{column}));
  }
  BOOST_CHECK_THROW(read_layout(line_of("phone\tpassword"), {"status"}), ImportRefused);
  BOOST_TEST(
      (read_layout(line_of("phone\tname\tpassword\temail\tmodel\tbank\tstatement\t")).ignored ==
       std::vector<std::string>{"name", "email", "model", "bank", "statement"}));
}

BOOST_AUTO_TEST_CASE(what_a_spreadsheet_made_of_a_row_is_refused_by_name) {
  BOOST_TEST(fault("1\t18866668888.0\tsecret\tNULL").find("spreadsheet") != std::string::npos);
  BOOST_TEST(fault("1\t18866668888.00 \tsecret\tNULL").find("spreadsheet") != std::string::npos);
  BOOST_TEST(fault("1\t188.6666.8888\tsecret\tNULL") == "good");
  for (const char* dotted : {"188.6666.8888", "188.6666.0000", "18866668888."}) {
    BOOST_TEST(fault("1\t" + std::string(dotted) + "\tsecret\tNULL") == "good", dotted);
  }
  // Of Hong Kong, Australia, France, Viet Nam.
  for (const char* phone : {"85291234567", "61412345678", "33612345678", "84912345678"}) {
    BOOST_TEST(fault("1\t" + std::string(phone) + "\tsecret\tNULL").find("without its plus") !=
                   std::string::npos,
               phone);
    BOOST_TEST(fault("1\t+" + std::string(phone) + "\tsecret\tNULL") == "good", phone);
  }
  for (const char* phone : {"1.8866668888E+10", "1.89E+10", "18,866,668,888", "=18866668888",
                            "'18866668888", "\"18866668888\"", "#####"}) {
    BOOST_TEST(fault("1\t" + std::string(phone) + "\tsecret\tNULL") == "not a mobile number",
               phone);
  }
  BOOST_TEST(fault_of_password("\"secret\"").find("in quotes") != std::string::npos);
  BOOST_TEST(fault_of_password("\"") == "good");
  BOOST_TEST(fault("id\tPHONE\tpassword\tcreateTime") == "a second heading");
  BOOST_TEST(fault("1\t18866668888\tpassword\tphone") == "good");
  BOOST_TEST(fault("password\tphone", kTable) == "a second heading");
  BOOST_TEST(
      fault("1\t18866668888\tsecret\tNULL", kTable, LineState::other_end).find("ends otherwise") !=
      std::string::npos);
  BOOST_TEST(fault("1\t18866668888\t\\N\tNULL") == "no password");
}

BOOST_AUTO_TEST_CASE(a_row_of_another_shape_is_refused) {
  BOOST_TEST(fault("1\t18866668888\tsecret").starts_with("not as many columns"));
  BOOST_TEST(fault("1\t18866668888\tsecret\tNULL\tmore").starts_with("not as many columns"));
  BOOST_TEST(fault("", kTable, LineState::too_long).starts_with("the line is longer"));
  BOOST_TEST(fault("1\t18866668888\tsecret\tNULL", kTable, LineState::cut_off)
                 .starts_with("the last line has no end"));
}

BOOST_AUTO_TEST_SUITE_END()
