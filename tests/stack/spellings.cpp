// Different spellings with the same meaning.
#include <boost/test/unit_test.hpp>

#include "support/stack.hpp"
#include "support/temporary_directory.hpp"

using namespace users::test;

namespace {

using Words = std::vector<std::string>;

// All of these are 18866668888.
const Words kPhones{
    "18866668888", "+8618866668888", "8618866668888", "018866668888", " 18866668888 ",
    "  +8618866668888", " 8618866668888", "+86 188 6666 8888", "+86-188-6666-8888",
    "+86.188.6666.8888", "+86 (188) 6666-8888", "188-6666-8888", "0086 188 6666 8888",
    "(+86)18866668888", "（+86）188-6666-8888", "（188）66668888",
    // Full-width digits and signs, and residue of copying.
    "１８８６６６６８８８８", "188６６６６8888", "＋８６　１８８　６６６６　８８８８",
    "\u202a18866668888\u202c", "\u200e+86 188 6666 8888\u200f", "+86\u00a0188\u00a06666\u00a08888",
    "188\u20136666\u20138888", "188\u20146666\u20148888", "188\u20116666\u20118888",
    "188\u22126666\u22128888", "188－6666－8888", "188．6666．8888", "188ー6666ー8888",
    "188·6666·8888", "188～6666～8888", "\ufeff18866668888", "188\u200b6666\u200b8888",
    "\ufeff188\u200b6666\u200b8888", "188\u20096666\u202f8888", "188\u00ad6666\u00ad8888"};

const Words kNoPhones{
    // Signs and letters.
    "", " ", "+", "++", "-", "()", "abc", "1886666888a", "18866668888a", "a18866668888",
    "1-800-FLOWERS", "18866668888\n", "18866668888\r\n", "\t18866668888", "18866668888\t",
    "18866668888'", "\"18866668888\"", "18866668888' OR '1'='1", "18866668888; DROP TABLE users",
    "++8618866668888", "+86+18866668888", "18866668888+", "＋＋8618866668888", "+＋8618866668888",
    "18866668888/18866669999", "18866668888／", "188／66668888", "18866668888：", "1886666*888",
    // Extensions and addresses.
    "18866668888 ext. 5", "18866668888x5", "18866668888#5", "18866668888;ext=5", "18866668888,5",
    "tel:18866668888", "tel:+86-188-6666-8888",
    // Foreign, without its country code.
    "7400999998",
    // Other digits, and a number whose E.164 form +8600857960962 could not be parsed again.
    "😀18866668888", "1️⃣8866668888", "١٨٨٦٦٦٦٨٨٨٨", "一八八六六六六八八八八", "000857960962"};

// All of these are the code 123456.
const Words kCodes{"123456",       "123 456",        " 123456 ",
                   "123-456",      "123\u2013456",   "123\u00a0456",
                   "１２３４５６", "１２３　４５６", "\u200e123456\u200f",
                   "1 2 3 4 5 6"};

const Words kNoCodes{"123456\n", "12345", "1234567", "12345a", "123.456", "+123456", "١٢٣٤٥٦"};

const Words kChinese{// Includes no preference.
                     "",
                     "zh",
                     "ZH",
                     "zh-CN",
                     "zh_CN",
                     "zh-Hant",
                     "zh-Hant-TW;q=0.9",
                     "zh;q=0.5",
                     "zh-CN,zh;q=0.9,en;q=0.8",
                     "*",
                     "*;q=0.5",
                     " , zh"};

const Words kEnglish{
    "en", "en-GB,en;q=0.9", "en, zh", "de,zh;q=0.5", "fr;q=0.9, en;q=0.8, zh;q=0.7", "zhx", "z"};

// Creation dates of imported accounts, and their meaning in UTC.
const std::vector<std::pair<std::string, std::string>> kDates{
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
    {"1970-01-01 00:00:00", "1970-01-01 00:00:00"}};

// No date given.
const Words kNoDates{
    "", "NULL", "\\N", "0000-00-00 00:00:00", "0000-00-00", "0001-01-01T00:00:00Z"};

// A date that cannot be read; the import reports it.
const Words kLostDates{
    // Not a date, or not in the calendar.
    "yesterday", "1524391200", "2018-02-29 00:00:00", "2018-13-01 00:00:00", "2018-00-01 00:00:00",
    "2018-04-31 00:00:00", "2018-04-22 24:00:00", "2018-04-22 10:60:00", "2018-04-22 10:00:60",
    // Another format, or before 1970.
    "2018-04-22 10:00:00 +8", "18-04-22 10:00:00", "2018-4-22 10:00:00", "0018-04-22 10:00:00",
    "1969-12-31 23:59:59", "1970-01-01 00:00:00+01", "2018-04-22 10:00:0a", "2018/04/22",
    "2018-04-22 10:00:00\\n", "+018-04-22", "2018-04-22T", "2018-04-22 10:00:00+99",
    "2018-04-22 10:00:00 CEST"};

std::string arguments(const std::string& phone, const std::string& code) {
  return body_of({{"phone", phone}, {"password", "correct horse 42"}, {"code", code}});
}

void check_refused(const HttpReply& reply, const std::string& field, const std::string& typed) {
  BOOST_TEST(reply.code() == 1001, typed << ": " << reply.body);
  BOOST_TEST(reply.fields() == field, typed << ": " << reply.body);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(spellings)

BOOST_AUTO_TEST_CASE(a_phone, *boost::unit_test::label("deep")) {
  regist("18866668888");
  const auto login = [](const std::string& phone) {
    return send(base_url(), {.path = "/users/login", .body = arguments(phone, "123456")});
  };
  for (const std::string& phone : kPhones) {
    BOOST_TEST(login(phone).code() == 0, phone);
    BOOST_TEST(send(base_url(), {.body = arguments(phone, "123456")}).code() == 1002, phone);
  }
  for (const std::string& phone : kNoPhones) {
    check_refused(login(phone), "phone", phone);
    check_refused(send(base_url(), {.body = arguments(phone, "123456")}), "phone", phone);
  }
  BOOST_TEST(count_users("+8618866668888") == 1);
}

BOOST_AUTO_TEST_CASE(a_code) {
  const auto regist_by = [](const std::string& code) {
    return send(base_url(), {.body = arguments(fresh_phone(), code)});
  };
  for (const std::string& code : kCodes) BOOST_TEST(regist_by(code).code() == 0, code);
  for (const std::string& code : kNoCodes) check_refused(regist_by(code), "code", code);
}

BOOST_AUTO_TEST_CASE(a_language) {
  const auto check = [](const Words& languages, const char* of_worker, const char* of_nginx) {
    for (const std::string& language : languages) {
      const Words headers{"Accept-Language: " + language};
      const HttpReply worker = send(base_url(), {.body = "{}", .headers = headers});
      BOOST_TEST(worker.body.find(of_worker) != std::string::npos, language << worker.body);
      const HttpReply nginx =
          send(base_url(), {.method = "GET", .path = "/users/static/none", .headers = headers});
      BOOST_TEST(nginx.body.find(of_nginx) != std::string::npos, language << nginx.body);
    }
  };
  check(kChinese, "入参非法", "接口不存在");
  check(kEnglish, "invalid arguments", "no such resource");
}

BOOST_AUTO_TEST_CASE(a_date) {
  const TemporaryDirectory directory;
  auto rows = kDates;
  for (const Words& without : {kNoDates, kLostDates}) {
    for (const std::string& typed : without) rows.emplace_back(typed, "");
  }
  std::string table = "phone\thash\tcreateTime\n";
  std::vector<std::string> phones;
  for (const auto& [typed, meant] : rows) {
    phones.push_back(fresh_phone());
    table += phones.back() + "\t$2b$10$" + std::string(53, 'e') + "\t" + typed + "\n";
  }
  const std::string before = query("SELECT UTC_TIMESTAMP()");
  const Command done =
      run_command(users_ctl("import '" + directory.write("users.tsv", table).string() + "' 2>&1"));
  BOOST_TEST(done.status == 0, done.output);
  const std::string lost = std::to_string(kLostDates.size()) + " rows (the first is line ";
  BOOST_TEST(done.output.find(lost) != std::string::npos, done.output);
  BOOST_TEST(done.output.find("the createTime cannot be read") != std::string::npos, done.output);
  for (std::size_t i = 0; i < phones.size(); ++i) {
    const std::string created =
        query("SELECT createTime FROM users WHERE phone = '+86" + phones[i] + "'");
    const auto& [typed, meant] = rows[i];
    // Without a date it is the time of the import.
    BOOST_TEST((meant.empty() ? created >= before : created == meant), typed << ": " << created);
  }
  // doctor warns of such hashes.
  query("DELETE FROM users WHERE password LIKE '$2b$%'");
}

BOOST_AUTO_TEST_CASE(no_header_makes_nginx_think_for_long) {
  std::string list;
  for (int i = 0; i < 12; ++i) list += "x;q=0;q=0;q=0,";
  std::string half;
  for (int i = 0; i < 900; ++i) half += ";q=0";
  half += ",";
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
  // nginx reports values that it drops.
  BOOST_TEST(
      run_command("grep -c 'pcre2*_[a-z]*() failed' '" + state_folder() + "/log/nginx-error.log'")
          .output == "0\n");
}

BOOST_AUTO_TEST_SUITE_END()
