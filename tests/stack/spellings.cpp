// What people and programs write in many ways and mean alike: a row each.
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

struct Spelling {
  const char* typed;
  bool is_taken;
};

// Each that is taken is the account 18866668888.
constexpr Spelling kPhones[] = {
    {"18866668888", true},
    {"+86 188 6666 8888", true},
    {"\u202a18866668888\u202c", true},  // from a list of contacts
    {"+86\u00a0188\u00a06666\u00a08888", true},
    {"188\u20136666\u20138888", true},
    {"188\u20146666\u20148888", true},
    {"188\u22126666\u22128888", true},
    {"（188）66668888", true},
    {"188－6666－8888", true},
    {"188ー6666ー8888", true},
    {"＋８６　１８８　６６６６　８８８８", true},
    {"\ufeff188\u200b6666\u200b8888", true},
    {"188\u2009666\u202f68888", true},
    {"18866668888a", false},
    {"18866668888 ext. 5", false},
    {"188／66668888", false},
    {"18866668888\t", false},
    {"18866668888\n", false},
    {"(+86)18866668888", true},
    {"（+86）188-6666-8888", true},
    {"188·6666·8888", true},
    {"188～6666～8888", true},
    {"+86+18866668888", false},
};

// Each that is taken is the code 123456.
constexpr Spelling kCodes[] = {
    {"123456", true},       {"123 456", true},        {" 123456 ", true},
    {"123-456", true},      {"123\u2013456", true},   {"123\u00a0456", true},
    {"１２３４５６", true}, {"１２３　４５６", true}, {"\u200e123456\u200f", true},
    {"123456\n", false},    {"1 2 3 4 5 6", true},    {"12345", false},
    {"1234567", false},     {"12345a", false},        {"123.456", false},
    {"+123456", false},
};

struct Language {
  const char* header;
  bool is_chinese;
};

constexpr Language kLanguages[] = {
    {"", true},
    {"zh", true},
    {"ZH", true},
    {"zh-CN", true},
    {"zh_CN", true},
    {"zh-Hant", true},
    {"zh-Hant-TW;q=0.9", true},
    {"zh;q=0.5", true},
    {"zh-CN,zh;q=0.9,en;q=0.8", true},
    {"*", true},
    {"*;q=0.5", true},
    {" , zh", true},
    {"en", false},
    {"en-GB,en;q=0.9", false},
    {"en, zh", false},
    {"de,zh;q=0.5", false},
    {"zhx", false},
    {"z", false},
};

struct Date {
  const char* typed;
  const char* meant;  ///< UTC; null: none, and the import says so; empty: none
};

constexpr Date kDates[] = {
    {"2018-04-22 10:00:00", "2018-04-22 10:00:00"},
    {"2018-04-22 10:00:00.123456", "2018-04-22 10:00:00"},
    {"2018-04-22T23:59:59Z", "2018-04-22 23:59:59"},
    {"2018-04-22T23:59:59.5+00:00", "2018-04-22 23:59:59"},
    {"2016-05-03 08:34:12.1+00", "2016-05-03 08:34:12"},
    {"2018-04-22 01:00:00+08", "2018-04-21 17:00:00"},
    {"2018-04-22 01:00:00 +0800", "2018-04-21 17:00:00"},
    {"2018-12-31 20:00:00-05:30", "2019-01-01 01:30:00"},
    {"2018-04-22 10:00:00 UTC", "2018-04-22 10:00:00"},
    {"2018-04-22 10:00", "2018-04-22 10:00:00"},
    {"2018-04-22", "2018-04-22 00:00:00"},
    {"2020-02-29 00:00:00", "2020-02-29 00:00:00"},
    {"1970-01-01 00:00:00", "1970-01-01 00:00:00"},
    {"", ""},
    {"NULL", ""},
    {"\\N", ""},
    {"0000-00-00 00:00:00", ""},
    {"0000-00-00", ""},
    {"0001-01-01T00:00:00Z", ""},
    {"yesterday", nullptr},
    {"1524391200", nullptr},
    {"2018-02-29 00:00:00", nullptr},
    {"2018-13-01 00:00:00", nullptr},
    {"2018-00-01 00:00:00", nullptr},
    {"2018-04-31 00:00:00", nullptr},
    {"2018-04-22 24:00:00", nullptr},
    {"2018-04-22 10:60:00", nullptr},
    {"2018-04-22 10:00:60", nullptr},
    {"2018-04-22 10:00:00 +8", nullptr},
    {"18-04-22 10:00:00", nullptr},
    {"2018-4-22 10:00:00", nullptr},
    {"0018-04-22 10:00:00", nullptr},
    {"1969-12-31 23:59:59", nullptr},
    {"1970-01-01 00:00:00+01", nullptr},
    {"2018-04-22 10:00:0a", nullptr},
    {"2018/04/22", nullptr},
    {"2018-04-22 10:00:00\\n", nullptr},
    {"+018-04-22", nullptr},
    {"2018-04-22T", nullptr},
    {"2018-04-22 10:00:00+99", nullptr},
    {"2018-04-22 10:00:00 CEST", nullptr},
};

std::string json_of(const std::string& phone, const std::string& code) {
  return R"({"phone":")" + phone + R"(","password":"correct horse 42","code":")" + code + R"("})";
}

/// A tab and a line end are none of JSON's.
std::string escaped(std::string text) {
  const auto at = text.find_first_of("\t\n");
  if (at != std::string::npos) text.replace(at, 1, text[at] == '\t' ? "\\t" : "\\n");
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spellings)

BOOST_AUTO_TEST_CASE(a_phone) {
  regist("18866668888");
  for (const Spelling& row : kPhones) {
    const HttpReply reply =
        send(base_url(), {.path = "/users/login", .body = json_of(escaped(row.typed), "123456")});
    BOOST_TEST(reply.code() == (row.is_taken ? 0 : 1001), row.typed);
    if (!row.is_taken) BOOST_TEST(reply.fields() == "phone", row.typed);
  }
  BOOST_TEST(count_users("+8618866668888") == 1);
}

BOOST_AUTO_TEST_CASE(a_code) {
  for (const Spelling& row : kCodes) {
    const HttpReply reply = send(base_url(), {.body = json_of(fresh_phone(), escaped(row.typed))});
    BOOST_TEST(reply.code() == (row.is_taken ? 0 : 1001), row.typed);
    if (!row.is_taken) BOOST_TEST(reply.fields() == "code", row.typed);
  }
}

BOOST_AUTO_TEST_CASE(a_language) {
  for (const Language& row : kLanguages) {
    const std::vector<std::string> headers{std::string("Accept-Language: ") + row.header};
    // By a worker, and by nginx alone.
    const HttpReply of_worker = send(base_url(), {.body = "{}", .headers = headers});
    const HttpReply of_nginx =
        send(base_url(), {.method = "GET", .path = "/users/static/none", .headers = headers});
    const std::string worker = row.is_chinese ? "入参非法" : "invalid arguments";
    const std::string nginx = row.is_chinese ? "接口不存在" : "no such resource";
    BOOST_TEST(of_worker.body.find(worker) != std::string::npos, row.header << of_worker.body);
    BOOST_TEST(of_nginx.body.find(nginx) != std::string::npos, row.header << of_nginx.body);
  }
}

// Of accounts that users-ctl imports.
BOOST_AUTO_TEST_CASE(a_date) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() / "users.tsv";
  std::ofstream table(file);
  table << "phone\thash\tcreateTime\n";
  std::vector<std::string> phones;
  int lost = 0;
  for (const Date& row : kDates) {
    phones.push_back(fresh_phone());
    table << phones.back() << "\t$2b$10$" << std::string(53, 'e') << "\t" << row.typed << "\n";
    if (row.meant == nullptr) ++lost;
  }
  table.close();
  const std::string before = query("SELECT UTC_TIMESTAMP()");
  const Command done = run_command("'" + program("users-ctl") + "' --config '" + state_folder() +
                                   "/users.conf' import '" + file + "' 2>&1");
  BOOST_TEST(done.status == 0, done.output);
  BOOST_TEST(
      done.output.find("createTime of " + std::to_string(lost) + " rows") != std::string::npos,
      done.output);
  for (std::size_t i = 0; i < phones.size(); ++i) {
    const std::string created =
        query("SELECT createTime FROM users WHERE phone = '+86" + phones[i] + "'");
    const std::string meant = kDates[i].meant == nullptr ? "" : kDates[i].meant;
    // Without one it is the time of the import.
    BOOST_TEST((meant.empty() ? created >= before : created == meant),
               kDates[i].typed << ": " << created);
  }
}

BOOST_AUTO_TEST_CASE(no_header_makes_nginx_think_for_long) {
  std::string list;
  for (int i = 0; i < 12; ++i) list += "x;q=0;q=0;q=0,";
  const std::string half = [] {
    std::string text;
    for (int i = 0; i < 900; ++i) text += ";q=0";
    return text + ",";
  }();
  for (const std::string& value : {list + "zhx", half + half, std::string(7000, ','),
                                   std::string(3500, 'a') + std::string(3500, ';')}) {
    for (const char* name : {"Accept-Language: ", "Accept: ", "Cookie: ", "Authorization: ",
                             "Origin: ", "Sec-Fetch-Mode: ", "X-Requested-With: "}) {
      for (const char* path : {"/private/x", "/users/static/none"}) {
        const HttpReply reply =
            send(base_url(), {.method = "GET", .path = path, .headers = {name + value}});
        BOOST_TEST((reply.status == 401 || reply.status == 404), name << path);
      }
    }
  }
  // What nginx gives up it says.
  BOOST_TEST(
      run_command("grep -c 'pcre2*_[a-z]*() failed' '" + state_folder() + "/log/nginx-error.log'")
          .output == "0\n");
}

BOOST_AUTO_TEST_SUITE_END()
