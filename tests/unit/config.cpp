// The configuration: every key can be set, and every error names its place.
#include "base/config.hpp"

#include <sstream>

#include <boost/test/unit_test.hpp>

#include "support/temporary_directory.hpp"

namespace users::test {

/// A setting such as `log.level`, written under its section.
std::string as_file(std::string_view key, std::string_view value) {
  const auto dot = key.find('.');
  std::string text;
  if (dot != std::string_view::npos) text.append("[").append(key.substr(0, dot)).append("]\n");
  return text.append(key.substr(dot + 1)).append(" = ").append(value).append("\n");
}

using Environment = std::vector<std::string>;

struct ConfigFile {
  TemporaryDirectory directory;
  std::filesystem::path path = directory.path() / "users.conf";

  [[nodiscard]] Config load(std::string_view text, const Environment& entries = {}) const {
    static_cast<void>(directory.write("users.conf", text));
    std::vector<const char*> environment;
    for (const std::string& entry : entries) environment.push_back(entry.c_str());
    environment.push_back(nullptr);
    return load_config(path, environment.data());
  }

  /// The error message without the folder's name, or an empty string.
  [[nodiscard]] std::string error(std::string_view text, const Environment& entries = {}) const {
    try {
      static_cast<void>(load(text, entries));
    } catch (const ConfigError& refused) {
      return short_name(refused.what());
    }
    return {};
  }

  [[nodiscard]] std::string short_name(std::string text) const {
    const std::string folder = directory.path().string() + "/";
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder)) {
      text.erase(at, folder.size());
    }
    return text;
  }
};

BOOST_FIXTURE_TEST_SUITE(config, ConfigFile)

BOOST_AUTO_TEST_CASE(every_key_has_a_default_and_can_be_set_in_the_file_and_by_the_environment) {
  const Config defaults = load("");
  for (const ConfigKey& key : config_keys()) {
    BOOST_TEST_CONTEXT(key.name) {
      BOOST_TEST(defaults.origins.find(key.name)->second == "default");
      const bool in_section = key.name.find('.') != std::string_view::npos;
      const Config filed = load(as_file(key.name, key.fallback));
      BOOST_TEST(short_name(filed.origins.find(key.name)->second) ==
                 (in_section ? "users.conf:2" : "users.conf:1"));
      const std::string name = environment_name(key.name);
      const Config exported = load("", {"PATH=/bin", name + "=" + std::string(key.fallback)});
      BOOST_TEST(exported.origins.find(key.name)->second == "environment " + name);
      BOOST_TEST(exported.texts.find(key.name)->second == key.fallback);
      BOOST_TEST(error(as_file(key.name, "")).find(key.name) != std::string::npos);
      BOOST_TEST(key.help.ends_with('.'));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_value_becomes_a_word_of_an_enumeration_a_number_a_text_or_a_list) {
  const Config config = load(
      "verification = format\n[database]\nhosts = /a.sock, db1:3307 ,db2\nname = 我的网站\n"
      "[session]\ncookie_secure = no\nidle_days = 14\n[sms]\norigin = example.org\n"
      "countries = CN, HK ,MO\n[phone]\ndefault_region = GB\n");
  BOOST_TEST((config.verification == CodeCheck::format));
  const std::vector<std::string> hosts{"/a.sock", "db1:3307", "db2"};
  BOOST_TEST(config.database_hosts == hosts, boost::test_tools::per_element());
  BOOST_TEST(config.database_name == "我的网站");
  BOOST_TEST(!config.session_cookie_secure);
  BOOST_TEST(config.session_idle_days == 14U);
  BOOST_TEST(config.sms_origin == "example.org");
  const std::vector<std::string> countries{"CN", "HK", "MO"};
  BOOST_TEST(config.sms_countries == countries, boost::test_tools::per_element());
  BOOST_TEST(config.phone_default_region == "GB");
  BOOST_TEST(load("[sms]\norigin = none\n").sms_origin == "");
  BOOST_TEST(load("").sms_countries.empty());
}

BOOST_AUTO_TEST_CASE(the_environment_wins_over_the_file) {
  const Config config =
      load("[database]\nname = filed\nuser = filed\n", {"USERS_FCGI_DATABASE_NAME=exported"});
  BOOST_TEST(config.database_name == "exported");
  BOOST_TEST(config.origins.at("database.name") == "environment USERS_FCGI_DATABASE_NAME");
  BOOST_TEST(config.database_user == "filed");
  BOOST_TEST(short_name(config.origins.at("database.user")) == "users.conf:3");
  static_cast<void>(directory.write("users.conf", "[log]\nlevel = error\n"));
  BOOST_CHECK(load_config(path, nullptr).log_level == LogLevel::error);
}

BOOST_AUTO_TEST_CASE(comments_blanks_and_line_ends_mean_nothing_and_a_section_may_come_twice) {
  const Config config = load(
      "# a comment\r\n"
      "\r\n"
      "  regist_status=by_code   # why\r\n"
      "[log]\r\n"
      "\t level \t = \t debug \r\n"
      "#keep_days = 5\r\n"
      "[phone]\n"
      "[log]\n"
      "directory = /log");
  BOOST_CHECK(config.regist_status == RegistStatus::by_code);
  BOOST_CHECK(config.log_level == LogLevel::debug);
  BOOST_TEST(config.log_keep_days == 30U);
  BOOST_TEST(config.log_directory == "/log");
  BOOST_TEST(short_name(config.origins.at("log.level")) == "users.conf:5");
}

struct Mistake {
  std::string_view text;
  std::string_view where;
  std::string_view what;
};

constexpr Mistake kMistakes[] = {
    {"[log]\nlevel = info\ncolour = red\n", "3",
     "unknown key log.colour; see users.conf(5) for those there are"},
    {"level = info\n", "1", "unknown key level; see users.conf(5) for those there are"},
    {"[log]\nLevel = info\n", "2", "unknown key log.Level; see users.conf(5) for those there are"},
    {"\n[logs]\n", "2", "unknown section [logs]; see users.conf(5) for those there are"},
    {"\n[logs]\nlevel = info\n", "2",
     "unknown section [logs]; see users.conf(5) for those there are"},
    {"[log]\nlevel = info\n# again\nlevel = debug\n", "4", "log.level is set twice"},
    {"[log]\nlevel = info\n[log]\nlevel = info\n", "4", "log.level is set twice"},
    {"[log]\n\nkeep_days 7\n", "3", "expected key = value, not 'keep_days 7'"},
    {"[log]\nkeep_days = 7\nkeep_days\n", "3", "expected key = value, not 'keep_days'"},
    {"# say log\n[log]\nlog # here\n", "3", "expected key = value, not 'log'"},
    {"[log\nlevel = info\n", "1", "expected key = value, not '[log'"},
};

BOOST_AUTO_TEST_CASE(a_mistake_in_the_file_is_told_with_its_line) {
  for (const Mistake& row : kMistakes) {
    BOOST_TEST_INFO(row.text);
    BOOST_TEST(error(row.text) ==
               "users.conf:" + std::string(row.where) + ": " + std::string(row.what));
  }
  BOOST_TEST(error("[]\nlevel = info\n").starts_with("users.conf:"));
}

BOOST_AUTO_TEST_CASE(a_bad_value_is_told_with_what_is_expected) {
  struct Row {
    std::vector<std::string> keys;
    std::string expected;
    std::vector<std::string> bad;
  };
  std::string of_255_bytes = "a";
  for (int i = 0; i < 127; ++i) of_255_bytes += ".a";
  const Row rows[] = {
      {{"log.level"}, "one of: debug info warning error", {"loud", "INFO", ""}},
      {{"verification"}, "one of: issued format", {"none"}},
      {{"regist_status"}, "one of: tutorial by_code", {"200"}},
      {{"database.name", "log.directory", "password.service_name"},
       "a text that is not empty",
       {"", "caf\xE9"}},
      {{"database.hosts"},
       "socket paths, hosts or host:port with a port from 1 to 65535, separated by commas",
       {"", "a,", "a, ,b", "db1:33O6", "db1:", "db1:0", "db1:65536", ":3306", "[::1]:x", "db 1"}},
      {{"phone.default_region"},
       "a region of two capital letters (ISO 3166-1), such as CN",
       {"", "C", "cn", "Cn", "CHN", "86", "C1"}},
      {{"sms.origin"},
       "the host of the site's pages in small letters, as example.org, or none",
       {"https://example.org", "example.org:443", "example.org/", "Example.org", "@example.org",
        "example.org.", ".example.org", "a..b", "-a.org", "a-.org", "a b", "a_b.org", "例子.cn",
        std::string(64, 'a') + ".cn", of_255_bytes}},
      {{"passkey.rp_id"},
       "the site's domain in small letters, without https:// and port, as example.org; localhost; "
       "or none",
       {"", "https://example.org", "example.org:443", "Example.org", "example", "192.0.2.1", "::1",
        ".example.org", "a b.org", "example.1", "0x7f.1", "127.0.0x1", "example.0x"}},
      {{"passkey.origins"},
       "origins as browsers write them, in small letters, without a path and without :443, "
       "separated by commas: https://HOST, https://HOST:PORT, or http://localhost:PORT",
       {"", "example.org", "http://example.org", "https://", "https://example.org/",
        "https://example.org:443", "https://example.org:", "https://example.org:0443",
        "https://example.org:65536", "https://example.org,", "https://Example.org", "ftp://a.org"}},
      {{"passkey.name"}, "a text of 1 to 64 characters, or rp_id", {"", std::string(65, 'n')}},
      {{"session.cookie_domain"},
       "a domain in small letters, without a dot in front, such as example.org, or none",
       {"", ".example.org", "org", "localhost", "Example.org", "192.0.2.1", "example.org:443",
        "https://example.org", "example.org; Path=/x", "a b.org"}},
      {{"identity.issuer"},
       "a text of 1 to 64 characters, or site_host",
       {"", std::string(65, 'n')}},
      {{"identity.key_days"}, "a whole number from 1 to 3650", {"0", "3651", "x"}},
      {{"identity.sign"}, "one of: no yes", {"true"}},
  };
  for (const Row& row : rows) {
    for (const std::string& key : row.keys) {
      for (const std::string& bad : row.bad) {
        const bool in_section = key.find('.') != std::string::npos;
        BOOST_TEST(error(as_file(key, bad)) == (in_section ? "users.conf:2: " : "users.conf:1: ") +
                                                   key + " expects " + row.expected + ", not '" +
                                                   bad + "'");
      }
    }
  }
  for (const auto& [key, good] : {std::pair("passkey.rp_id", "example.org"),
                                  {"passkey.rp_id", "localhost"},
                                  {"passkey.rp_id", "1.0xg.example"},
                                  {"passkey.rp_id", "none"},
                                  {"passkey.origins", "https://a.example, https://b.example:8443"},
                                  {"passkey.origins", "http://localhost:8000"},
                                  {"passkey.name", "示例"},
                                  {"session.cookie_domain", "example.org"},
                                  {"session.cookie_domain", "none"},
                                  {"identity.issuer", "https://id.example.org"}}) {
    BOOST_TEST(error(as_file(key, good)) == "", good);
  }
  for (const std::string& good :
       {std::string("a"), std::string("www.example.org"), std::string("xn--fiqs8s.cn"),
        std::string("1.2-3.example"), std::string(63, 'a') + ".cn"}) {
    BOOST_TEST(error(as_file("sms.origin", good)) == "", good);
  }
}

BOOST_AUTO_TEST_CASE(the_origins_of_passkeys_lie_within_their_domain) {
  const std::string domain = "[passkey]\nrp_id = example.org\n";
  const Config by_default = load(domain);
  BOOST_TEST(by_default.passkey_origins == std::vector<std::string>{"https://example.org"});
  BOOST_TEST(by_default.passkey_name == "example.org");
  BOOST_TEST(load("").passkey_rp_id.empty());
  BOOST_TEST(load(domain + "origins = https://example.org, https://a.example.org:8443\n")
                 .passkey_origins.size() == 2U);
  for (const char* outside : {"https://example.com", "https://badexample.org", "http://localhost",
                              "https://example.org.evil.example"}) {
    BOOST_TEST(error(domain + "origins = https://example.org, " + outside + "\n") ==
               std::string("users.conf:3: passkey.origins: ") + outside +
                   " is neither passkey.rp_id, example.org, nor below it");
  }
}

BOOST_AUTO_TEST_CASE(a_database_host_is_a_socket_a_name_or_an_address) {
  struct Row {
    const char* text;
    const char* host;
    const char* socket;
    unsigned port;
  };
  for (const Row& row :
       {Row{"/run/mysqld/mysqld.sock", "localhost", "/run/mysqld/mysqld.sock", 0},
        Row{"./db.sock", "localhost", "./db.sock", 0}, Row{"db1", "db1", "", 0},
        Row{"db-1.example_x:3307", "db-1.example_x", "", 3307},
        Row{"192.0.2.1:1", "192.0.2.1", "", 1}, Row{"::1", "::1", "", 0},
        Row{"[::1]", "::1", "", 0}, Row{"[fe80::1%eth0]:65535", "fe80::1%eth0", "", 65535}}) {
    const auto address = parse_host(row.text);
    BOOST_REQUIRE_MESSAGE(address, row.text);
    BOOST_TEST(address->host == row.host);
    BOOST_TEST(address->socket == row.socket);
    BOOST_TEST(address->port == row.port);
  }
  for (const char* bad :
       {"", "[]", "[]:3306", "tcp://db:3306", "db:3306/users", "user@db", "db;3306", "[x", "[x]",
        "a]:3306", "[::1]3306", "[::1]:", "db:", ":3306", "db:-1", "db:+1", "db:0x1", "d b"}) {
    BOOST_TEST(!parse_host(bad), bad);
  }
}

struct NumberKey {
  std::string_view key;
  unsigned least;
  unsigned most;
};

constexpr NumberKey kNumbers[] = {
    {"database.connect_timeout", 1, 60},     {"database.read_timeout", 1, 600},
    {"database.write_timeout", 1, 600},      {"log.keep_days", 1, 3650},
    {"worker.request_limit", 1, 3600},       {"password.min_length", 8, 15},
    {"password.argon2_memory", 64, 1048576}, {"password.argon2_passes", 1, 100},
};

BOOST_AUTO_TEST_CASE(a_number_is_all_digits_and_keeps_within_its_bounds) {
  for (const NumberKey& row : kNumbers) {
    for (const unsigned good : {row.least, row.most}) {
      BOOST_TEST(error(as_file(row.key, std::to_string(good))) == "");
    }
    for (const std::string& bad :
         {std::to_string(row.least - 1), std::to_string(row.most + 1), std::string(""),
          std::string("x"), std::string("-8"), std::string("+8"), std::string("8x"),
          std::string("8 8"), std::string("8.0"), std::string("0x8"), std::string("1e1"),
          std::string("８"), std::string("4294967304"), std::string("18446744073709551624")}) {
      BOOST_TEST(error(as_file(row.key, bad)) ==
                 "users.conf:2: " + std::string(row.key) + " expects a whole number from " +
                     std::to_string(row.least) + " to " + std::to_string(row.most) + ", not '" +
                     bad + "'");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_mistake_in_the_environment_names_its_variable_and_others_do_not_matter) {
  BOOST_TEST(error("", {"USERS_FCGI_DATABASE_NMAE=x"}) ==
             "environment USERS_FCGI_DATABASE_NMAE: no key of this name");
  BOOST_TEST(error("", {"USERS_FCGI_=x"}) == "environment USERS_FCGI_: no key of this name");
  BOOST_TEST(error("", {"USERS_FCGI_LOG_KEEP_DAYS=0"}) ==
             "environment USERS_FCGI_LOG_KEEP_DAYS: log.keep_days expects a whole number from 1 to "
             "3650, not '0'");
  BOOST_TEST(error("", {"USERS_FCGI_DATABASE_NAME="}) ==
             "environment USERS_FCGI_DATABASE_NAME: database.name expects a text that is not "
             "empty, not ''");
  BOOST_TEST(error("", {"USERS_FCGI", "users_fcgi_log_level=x", "MY_USERS_FCGI_LOG_LEVEL=x"}) ==
             "");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_named) {
  const char* const environment[] = {nullptr};
  for (const auto& [file, why] :
       {std::pair{directory.path() / "none.conf", "No such file or directory"},
        {directory.path(), "Is a directory"}}) {
    BOOST_CHECK_EXCEPTION(load_config(file, environment), ConfigError, [&](const auto& refused) {
      return refused.what() ==
             file.string() + ": cannot be read (" + why + "); name the file with --config";
    });
  }
}

BOOST_AUTO_TEST_CASE(an_unreadable_secret_names_the_line_that_points_to_it) {
  const auto file = directory.path() / "none";
  const Config config = load(as_file("database.password_file", file.string()));
  BOOST_CHECK_EXCEPTION(
      read_secret(config, "database.password_file"), ConfigError, [&](const ConfigError& refused) {
        return short_name(refused.what()) ==
               "users.conf:2: database.password_file: none cannot be opened: No such file or "
               "directory";
      });
}

BOOST_AUTO_TEST_CASE(a_key_that_is_not_whole_is_refused) {
  const Config config = load(as_file("secrets.key_file", directory.path().string() + "/key"));
  static_cast<void>(directory.write("key", std::string(64, 'k') + "\n"));
  BOOST_TEST(read_key(config).reveal().size() == 64U);
  for (const std::size_t size : {1U, 32U, 44U, 63U, 65U}) {
    static_cast<void>(directory.write("key", std::string(size, 'k')));
    BOOST_CHECK_EXCEPTION(read_key(config), ConfigError, [&](const ConfigError& refused) {
      const std::string text = short_name(refused.what());
      return text.starts_with("users.conf:2: secrets.key_file: key holds " + std::to_string(size) +
                              " bytes, a key has 64") &&
             text.find("kkk") == std::string::npos;
    });
  }
}

BOOST_AUTO_TEST_CASE(the_example_sets_nothing_until_a_key_is_uncommented) {
  std::ostringstream example;
  print_example(example);
  const auto file = directory.write("users.conf", example.str());
  const Config config = load_config(file, nullptr);
  for (const auto& [key, origin] : config.origins) BOOST_TEST(origin == "default", key);

  std::string uncommented;
  std::istringstream lines(example.str());
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find(" = ");
    const bool is_key = equals != std::string::npos && line.find(' ', 2) == equals;
    uncommented += (is_key ? line.substr(2) : line) + "\n";
  }
  const Config set = load_config(directory.write("users.conf", uncommented), nullptr);
  BOOST_TEST(set.origins.size() == config_keys().size());
  for (const auto& [key, origin] : set.origins) {
    BOOST_TEST(origin.starts_with(file.string() + ":"), key);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
