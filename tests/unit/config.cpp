// The configuration: every key can be set, and every mistake is told with its place.
#include "base/config.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "support/temporary_directory.hpp"

namespace users::test {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "|") + word;
  return text;
}

template <auto Member>
std::string effective(const Config& config) {
  const auto& value = config.*Member;
  using T = std::remove_cvref_t<decltype(value)>;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return joined(value);
  } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
    return std::to_string(static_cast<unsigned>(value));
  } else {
    return value;
  }
}

/// A key, what it is without being set, and another value; both as text and as they end in Config.
struct KeySample {
  std::string_view key;
  std::string_view fallback;
  std::string_view value;
  std::string_view effective_value;
  std::string (*effective)(const Config&);
};

using C = Config;
constexpr KeySample kSamples[] = {
    {"verification", "0", "format", "1", effective<&C::verification>},
    {"registration", "0", "closed", "1", effective<&C::registration>},
    {"regist_status", "0", "by_code", "1", effective<&C::regist_status>},
    {"database.hosts", "/run/mysqld/mysqld.sock", "/a.sock, db1:3307 ,db2", "/a.sock|db1:3307|db2",
     effective<&C::database_hosts>},
    {"database.name", "users", "accounts", "accounts", effective<&C::database_name>},
    {"database.user", "users_service", "worker", "worker", effective<&C::database_user>},
    {"database.password_file", "/etc/users-fcgi/database_password", "/p", "/p",
     effective<&C::database_password_file>},
    {"database.migration_user", "users_migrations", "owner", "owner",
     effective<&C::database_migration_user>},
    {"database.migration_password_file", "/etc/users-fcgi/migration_password", "/m", "/m",
     effective<&C::database_migration_password_file>},
    {"database.migrations", "/usr/share/users-fcgi/migrations", "sql/my migrations",
     "sql/my migrations", effective<&C::database_migrations>},
    {"database.tls", "0", "verify", "1", effective<&C::database_tls>},
    {"database.tls_ca", "/etc/ssl/certs/ca-certificates.crt", "/ca", "/ca",
     effective<&C::database_tls_ca>},
    {"database.session_reads", "0", "local", "1", effective<&C::database_session_reads>},
    {"database.connect_timeout", "2", "3", "3", effective<&C::database_connect_timeout>},
    {"database.read_timeout", "10", "11", "11", effective<&C::database_read_timeout>},
    {"database.write_timeout", "10", "12", "12", effective<&C::database_write_timeout>},
    {"log.directory", "/var/log/users", "/log", "/log", effective<&C::log_directory>},
    {"log.level", "1", "error", "3", effective<&C::log_level>},
    {"log.keep_days", "30", "7", "7", effective<&C::log_keep_days>},
    {"metrics.file", "/run/users-fcgi-metrics/metrics", "/shm/m", "/shm/m",
     effective<&C::metrics_file>},
    {"worker.request_limit", "45", "60", "60", effective<&C::worker_request_limit>},
    {"secrets.key_file", "/etc/users-fcgi/key", "/k", "/k", effective<&C::secrets_key_file>},
    {"session.cookie_secure", "1", "no", "0", effective<&C::session_cookie_secure>},
    {"session.absolute_days", "30", "60", "60", effective<&C::session_absolute_days>},
    {"session.idle_days", "7", "14", "14", effective<&C::session_idle_days>},
    {"session.per_account", "50", "100", "100", effective<&C::session_per_account>},
    {"sms.command", "/etc/users-fcgi/send-sms", "/send", "/send", effective<&C::sms_command>},
    {"sms.user", "users-fcgi-courier", "sender", "sender", effective<&C::sms_user>},
    {"sms.timeout", "15", "20", "20", effective<&C::sms_timeout>},
    {"sms.attempts", "5", "3", "3", effective<&C::sms_attempts>},
    {"sms.per_hour", "1000", "50", "50", effective<&C::sms_per_hour>},
    {"sms.origin", "", "example.org", "example.org", effective<&C::sms_origin>},
    {"sms.countries", "", "CN, HK ,MO", "CN|HK|MO", effective<&C::sms_countries>},
    {"phone.default_region", "CN", "GB", "GB", effective<&C::phone_default_region>},
    {"password.min_length", "8", "15", "15", effective<&C::password_min_length>},
    {"password.argon2_memory", "19456", "64", "64", effective<&C::password_argon2_memory>},
    {"password.argon2_passes", "2", "4", "4", effective<&C::password_argon2_passes>},
    {"password.service_name", "users", "我的网站", "我的网站",
     effective<&C::password_service_name>},
};

/// `log.level` as its line in a file, under its section.
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

  /// What is wrong, the folder's name left out; empty where nothing is.
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

BOOST_AUTO_TEST_CASE(the_samples_are_the_keys) {
  std::vector<std::string_view> samples;
  std::vector<std::string_view> keys;
  for (const KeySample& row : kSamples) samples.push_back(row.key);
  for (const ConfigKey& row : config_keys()) keys.push_back(row.name);
  BOOST_TEST(samples == keys, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_empty_file_gives_the_defaults) {
  const Config config = load("");
  for (const KeySample& row : kSamples) {
    BOOST_TEST_CONTEXT(row.key) {
      BOOST_TEST(row.effective(config) == row.fallback);
      BOOST_TEST(config.origins.at(std::string(row.key)) == "default");
      BOOST_TEST(config.texts.size() == config_keys().size());
    }
  }
}

BOOST_AUTO_TEST_CASE(every_key_can_be_set_in_the_file) {
  for (const KeySample& row : kSamples) {
    BOOST_TEST_CONTEXT(row.key) {
      const Config config = load(as_file(row.key, row.value));
      BOOST_TEST(row.effective(config) == row.effective_value);
      const bool in_section = row.key.find('.') != std::string_view::npos;
      BOOST_TEST(short_name(config.origins.at(std::string(row.key))) ==
                 (in_section ? "users.conf:2" : "users.conf:1"));
    }
  }
}

BOOST_AUTO_TEST_CASE(every_key_can_be_set_by_the_environment) {
  for (const KeySample& row : kSamples) {
    BOOST_TEST_CONTEXT(row.key) {
      const std::string name = environment_name(row.key);
      const Config config = load("", {"PATH=/bin", name + "=" + std::string(row.value)});
      BOOST_TEST(row.effective(config) == row.effective_value);
      BOOST_TEST(config.origins.at(std::string(row.key)) == "environment " + name);
      BOOST_TEST(config.texts.at(std::string(row.key)) == row.value);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_environment_wins_over_the_file) {
  const Config config =
      load("[database]\nname = filed\nuser = filed\n", {"USERS_FCGI_DATABASE_NAME=exported"});
  BOOST_TEST(config.database_name == "exported");
  BOOST_TEST(config.origins.at("database.name") == "environment USERS_FCGI_DATABASE_NAME");
  BOOST_TEST(config.database_user == "filed");
  BOOST_TEST(short_name(config.origins.at("database.user")) == "users.conf:3");
}

BOOST_AUTO_TEST_CASE(no_environment_at_all_is_fine) {
  static_cast<void>(directory.write("users.conf", "[log]\nlevel = error\n"));
  BOOST_CHECK(load_config(path, nullptr).log_level == LogLevel::error);
}

BOOST_AUTO_TEST_CASE(comments_blanks_and_line_ends_mean_nothing) {
  const Config config = load(
      "# a comment\r\n"
      "\r\n"
      "  regist_status=by_code   # why\r\n"
      "[log]\r\n"
      "\t level \t = \t debug \r\n"
      "#keep_days = 5\r\n"
      "directory = /log");
  BOOST_CHECK(config.regist_status == RegistStatus::by_code);
  BOOST_CHECK(config.log_level == LogLevel::debug);
  BOOST_TEST(config.log_keep_days == 30U);
  BOOST_TEST(config.log_directory == "/log");
  BOOST_TEST(short_name(config.origins.at("log.level")) == "users.conf:5");
}

BOOST_AUTO_TEST_CASE(a_section_may_come_twice) {
  const Config config = load("[log]\nlevel = debug\n[phone]\n[log]\nkeep_days = 5\n");
  BOOST_CHECK(config.log_level == LogLevel::debug);
  BOOST_TEST(config.log_keep_days == 5U);
}

struct Mistake {
  std::string_view text;
  std::string_view error;
};

constexpr Mistake kMistakes[] = {
    {"[log]\nlevel = info\ncolour = red\n",
     "users.conf:3: unknown key log.colour; see users.conf(5) for those there are"},
    {"\n[logs]\nlevel = info\n",
     "users.conf:2: unknown section [logs]; see users.conf(5) for those there are"},
    {"level = info\n", "users.conf:1: unknown key level; see users.conf(5) for those there are"},
    {"[log]\nLevel = info\n",
     "users.conf:2: unknown key log.Level; see users.conf(5) for those there are"},
    {"[log]\nlevel = info\n# again\nlevel = debug\n", "users.conf:4: log.level is set twice"},
    {"[log]\nlevel = info\n[log]\nlevel = info\n", "users.conf:4: log.level is set twice"},
    {"[log]\n\nkeep_days 7\n", "users.conf:3: expected key = value, not 'keep_days 7'"},
    {"[log\nlevel = info\n", "users.conf:1: expected key = value, not '[log'"},
    {"[log]\nlevel = loud\n",
     "users.conf:2: log.level expects one of: debug info warning error, not 'loud'"},
    {"[log]\nlevel = INFO\n",
     "users.conf:2: log.level expects one of: debug info warning error, not 'INFO'"},
    {"[log]\nlevel =\n",
     "users.conf:2: log.level expects one of: debug info warning error, not ''"},
    {"verification = none\n",
     "users.conf:1: verification expects one of: issued format, not 'none'"},
    {"regist_status = 200\n",
     "users.conf:1: regist_status expects one of: tutorial by_code, not '200'"},
    {"[log]\ndirectory =\n",
     "users.conf:2: log.directory expects a text that is not empty, not ''"},
    {"[database]\nhosts =\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not ''"},
    {"[database]\nhosts = a,\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not 'a,'"},
    {"[database]\nhosts = a, ,b\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not "
     "'a, ,b'"},
    {"[database]\nhosts = db1:33O6\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not 'db1:33O6'"},
    {"[database]\nhosts = db1:\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not 'db1:'"},
    {"[database]\nhosts = db1:0\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not 'db1:0'"},
    {"[database]\nhosts = db1:65536\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not 'db1:65536'"},
    {"[database]\nhosts = :3306\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not ':3306'"},
    {"[database]\nhosts = [::1]:x\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not '[::1]:x'"},
    {"[database]\nhosts = db 1\n",
     "users.conf:2: database.hosts expects socket paths, hosts or host:port with a port from 1 to "
     "65535, separated by commas, not 'db 1'"},
    {"[password]\nmin_length = 7\n",
     "users.conf:2: password.min_length expects a whole number from 8 to 15, not '7'"},
};

BOOST_AUTO_TEST_CASE(a_mistake_in_the_file_is_told_with_its_line) {
  for (const Mistake& row : kMistakes) {
    BOOST_TEST_CONTEXT(row.text) {
      BOOST_TEST(error(row.text) == row.error);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_line_without_equals_sign_is_told_apart_from_lines_that_contain_it) {
  BOOST_TEST(error("[log]\nkeep_days = 7\nkeep_days\n") ==
             "users.conf:3: expected key = value, not 'keep_days'");
  BOOST_TEST(error("# say log\n[log]\nlog # here\n") ==
             "users.conf:3: expected key = value, not 'log'");
}

BOOST_AUTO_TEST_CASE(a_section_without_name_is_a_mistake) {
  BOOST_TEST(error("[]\nlevel = info\n").starts_with("users.conf:"));
}

BOOST_AUTO_TEST_CASE(an_unknown_section_is_refused_with_or_without_keys) {
  for (const auto* text : {"\n[nosuch]\n", "\n[nosuch]\nlevel = info\n"}) {
    BOOST_TEST(error(text) ==
               "users.conf:2: unknown section [nosuch]; see users.conf(5) for those there are");
  }
}

BOOST_AUTO_TEST_CASE(a_region_is_two_capital_letters) {
  for (const auto* bad : {"", "C", "cn", "Cn", "CHN", "86", "C1"}) {
    BOOST_TEST(error(as_file("phone.default_region", bad)) ==
               "users.conf:2: phone.default_region expects a region of two capital letters "
               "(ISO 3166-1), such as CN, not '" +
                   std::string(bad) + "'");
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

BOOST_AUTO_TEST_CASE(an_origin_is_a_host_as_browsers_write_it) {
  for (const std::string& good :
       {std::string("a"), std::string("www.example.org"), std::string("xn--fiqs8s.cn"),
        std::string("1.2-3.example"), std::string(63, 'a') + ".cn"}) {
    BOOST_TEST(error(as_file("sms.origin", good)) == "", good);
  }
  for (const std::string& bad :
       {std::string("https://example.org"), std::string("example.org:443"),
        std::string("example.org/"), std::string("Example.org"), std::string("@example.org"),
        std::string("example.org."), std::string(".example.org"), std::string("a..b"),
        std::string("-a.org"), std::string("a-.org"), std::string("a b"), std::string("a_b.org"),
        std::string("例子.cn"), std::string(64, 'a') + ".cn", [] {
          std::string text = "a";
          for (int i = 0; i < 127; ++i) text += ".a";
          return text;
        }()}) {
    BOOST_TEST(error(as_file("sms.origin", bad)) ==
                   "users.conf:2: sms.origin expects the host of the site's pages in small "
                   "letters, as example.org, or none, not '" +
                       bad + "'",
               bad);
  }
}

BOOST_AUTO_TEST_CASE(a_text_must_be_utf8) {
  for (const auto* key : {"database.name", "log.directory", "password.service_name"}) {
    BOOST_TEST(error(as_file(key, "caf\xE9")) == "users.conf:2: " + std::string(key) +
                                                     " expects a text that is not empty, not "
                                                     "'caf\xE9'");
  }
}

BOOST_AUTO_TEST_CASE(no_text_may_be_empty) {
  for (const ConfigKey& row : config_keys()) {
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST(error(as_file(row.name, "")).find(row.name) != std::string::npos);
    }
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

BOOST_AUTO_TEST_CASE(a_number_keeps_within_its_bounds) {
  for (const NumberKey& row : kNumbers) {
    BOOST_TEST_CONTEXT(row.key) {
      const auto* sample = std::ranges::find(kSamples, row.key, &KeySample::key);
      for (const unsigned good : {row.least, row.most}) {
        const Config config = load(as_file(row.key, std::to_string(good)));
        BOOST_TEST(sample->effective(config) == std::to_string(good));
      }
      const auto range = std::to_string(row.least) + " to " + std::to_string(row.most);
      for (const unsigned bad : {row.least - 1, row.most + 1}) {
        BOOST_TEST(error(as_file(row.key, std::to_string(bad))) ==
                   "users.conf:2: " + std::string(row.key) + " expects a whole number from " +
                       range + ", not '" + std::to_string(bad) + "'");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_number_is_all_digits) {
  for (const NumberKey& row : kNumbers) {
    for (const std::string junk : {"", "x", "-8", "+8", "8x", "8 8", "8.0", "0x8", "1e1", "８",
                                   "4294967304", "18446744073709551624"}) {
      BOOST_TEST_CONTEXT(row.key << " = " << junk) {
        BOOST_TEST(error(as_file(row.key, junk)).ends_with(", not '" + junk + "'"));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_mistake_in_the_environment_names_its_variable) {
  BOOST_TEST(error("", {"USERS_FCGI_DATABASE_NMAE=x"}) ==
             "environment USERS_FCGI_DATABASE_NMAE: no key of this name");
  BOOST_TEST(error("", {"USERS_FCGI_=x"}) == "environment USERS_FCGI_: no key of this name");
  BOOST_TEST(error("", {"USERS_FCGI_LOG_KEEP_DAYS=0"}) ==
             "environment USERS_FCGI_LOG_KEEP_DAYS: log.keep_days expects a whole number from 1 to "
             "3650, not '0'");
  BOOST_TEST(error("", {"USERS_FCGI_DATABASE_NAME="}) ==
             "environment USERS_FCGI_DATABASE_NAME: database.name expects a text that is not "
             "empty, not ''");
}

BOOST_AUTO_TEST_CASE(other_variables_do_not_matter) {
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

BOOST_AUTO_TEST_CASE(every_key_has_a_default_that_it_accepts_and_a_reason) {
  for (const ConfigKey& row : config_keys()) {
    BOOST_TEST_CONTEXT(row.name) {
      BOOST_TEST(error(as_file(row.name, row.fallback)) == "");
      BOOST_TEST(row.help.ends_with('.'));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_unreadable_secret_names_the_line_that_points_to_it) {
  const auto file = directory.path() / "none";
  const Config config = load(as_file("database.password_file", file.string()));
  BOOST_CHECK_EXCEPTION(
      read_secret(config, "database.password_file", config.database_password_file), ConfigError,
      [&](const ConfigError& refused) {
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
