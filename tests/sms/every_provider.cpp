// What every program of conf/send-sms must do, whatever its provider.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "sms/program.hpp"
#include "support/daemon.hpp"
#include "support/processes.hpp"

namespace users::test {

BOOST_AUTO_TEST_SUITE(every_provider)

BOOST_DATA_TEST_CASE(a_well_signed_message_is_sent_once_and_nothing_is_printed, kProviders,
                     provider) {
  const FakeServer server(provider.service);
  check_end(SendSms(provider, server.url()).run(provider.name), 0, "");
  BOOST_TEST(server.requests().size() == 1U);
}

BOOST_DATA_TEST_CASE(a_wrong_secret_is_refused_for_good, kProviders, provider) {
  const FakeServer server(provider.service);
  const SendSms programs(provider, server.url());
  (void)programs.secret("another-secret\n");
  check_end(programs.run(provider.name), kFailed, provider.wrong_secret_code);
}

BOOST_DATA_TEST_CASE(texts_of_any_characters_do_no_harm, kProviders, provider) {
  const std::string odd = "\" \\ \\n & = + % # @ ' $(id) `id` 验证码\n\r\t\x01 é";
  check_end(send(provider, provider.service, {.text = odd}), 0, "");
}

BOOST_DATA_TEST_CASE(the_answer_tells_whether_to_try_again, kProviders, provider) {
  for (const int status : {429, 500, 502, 503, 504}) {
    check_end(send(provider, Answer{status, "<html>trouble</html>"}), kTryAgain,
              "HTTP " + std::to_string(status));
  }
  check_end(send(provider, provider.throttled), kTryAgain, "to be tried again");
  check_end(send(provider, provider.bad_number), kFailed, provider.bad_number_code);
  // Redirects are not followed.
  check_end(send(provider, Answer{302, ""}), kFailed, "HTTP 302");
}

BOOST_DATA_TEST_CASE(a_connection_that_fails_is_tried_again, kProviders, provider) {
  check_end(send(provider, Answer{kHangUp, ""}), kTryAgain, "no answer from 127.0.0.1");
  const auto check = [&](const std::string& url, std::string_view said) {
    check_end(SendSms(provider, url, "", 1).run(provider.name), kTryAgain, said);
  };
  check("http://127.0.0.1:" + std::to_string(free_port()), "no connection");
  const FakeServer silent([](const Received&) { return Answer{kSilence, ""}; });
  check(silent.url(), "within 1 seconds");
  const FakeServer without_tls(provider.service);
  check("https" + without_tls.url().substr(4), "no trusted TLS");
}

BOOST_DATA_TEST_CASE(a_machine_without_curl_is_told_so, kProviders, provider) {
  const SendSms programs(provider, "http://127.0.0.1:1");
  std::filesystem::remove(programs.path() / "bin" / "curl");
  check_end(programs.run(provider.name), kBadConfig, "curl is not installed");
}

// The message may have been sent: a retry could send it twice.
BOOST_DATA_TEST_CASE(a_success_that_is_not_understood_is_not_tried_again, kProviders, provider) {
  if (provider.name == "webhook") return;  // only its status counts
  for (const std::string& garbage :
       {std::string(), std::string("{}"), std::string("<html>OK"),
        std::string(R"({"Message":"\"Code\":\"OK\""})"), std::string("a\0b", 3)}) {
    BOOST_TEST_CONTEXT(garbage) {
      check_end(send(provider, Answer{200, garbage}), kFailed, "not understood");
    }
  }
}

BOOST_DATA_TEST_CASE(no_process_shows_the_secret_or_the_message, kProviders, provider) {
  std::string processes;
  const Ended ended = send(provider, [&](const Received& request) {
    processes = of_all_processes("cmdline") + of_all_processes("environ");
    return provider.service(request);
  });
  check_end(ended, 0, "");
  check_hidden(processes);
  // The search works: it finds curl's arguments while curl waits.
  BOOST_TEST(contains(processes, std::string("curl\0--disable", 14)));
  BOOST_TEST(contains(ended.commands, "curl --disable"));
}

BOOST_DATA_TEST_CASE(a_bad_configuration_is_named, kProviders, provider) {
  const SendSms programs;
  const auto said = [&](const std::string& what) {
    check_end(programs.run(provider.name), kBadConfig, what);
  };
  const std::string conf = programs.path() / "send-sms.conf";
  const std::string good = provider.config("http://127.0.0.1:1", programs.secret(kSecret));
  said(conf + " cannot be read");
  programs.configure(good + "colour = red\n");
  const auto lines = std::count(good.begin(), good.end(), '\n');
  said(conf + ":" + std::to_string(lines + 1) + ": unknown key colour");
  programs.configure(good + "timeout = 5\n");
  said("timeout is set twice");
  programs.configure("timeout\n");
  said(conf + ":1: is not of the form");
  programs.configure(good.substr(0, good.find("  timeout")) + "timeout = 61\n");
  said(provider.settings.empty() ? "timeout must be" : "is missing");
}

BOOST_DATA_TEST_CASE(a_missing_key_is_named, kProviders, provider) {
  std::vector<std::string> lines = provider.settings;
  lines.push_back(provider.secret_key + " = /nowhere");
  for (const std::string& left_out : lines) {
    const std::string key = left_out.substr(0, left_out.find(' '));
    BOOST_TEST_CONTEXT(key) {
      const SendSms programs;
      std::string config = provider.config("http://127.0.0.1:1", programs.secret(kSecret));
      const auto begin = config.find(key);
      config.erase(begin, config.find('\n', begin) - begin + 1);
      programs.configure(config);
      check_end(programs.run(provider.name), kBadConfig, key + " is missing");
    }
  }
}

BOOST_DATA_TEST_CASE(a_secret_that_is_not_kept_is_refused, kProviders, provider) {
  namespace fs = std::filesystem;
  const SendSms programs;
  const std::string file = programs.secret(kSecret);
  programs.configure(provider.config("http://127.0.0.1:1", file));
  const auto said = [&](const std::string& what) {
    check_end(programs.run(provider.name), kBadConfig, provider.secret_key + ": " + file + what);
  };
  for (const auto loose : {fs::perms::group_read, fs::perms::others_read}) {
    fs::permissions(file, fs::perms::owner_read | loose);
    said(" is open to others: chmod 0600");
  }
  BOOST_TEST(programs.secret("\n") == file);
  said(" is empty");
  BOOST_TEST(programs.secret("two\nlines\n") == file);
  said(" has more than one line");
  fs::remove(file);
  said(" cannot be read");
}

BOOST_DATA_TEST_CASE(secrets_travel_only_over_tls_or_to_this_machine, kProviders, provider) {
  for (const std::string url :
       {"http://sms.example.com", "http://127.0.0.1.example.com", "http://a127.0.0.1",
        "http://127.0.0.1:1@example.com", "ftp://127.0.0.1", "https://user:word@example.com",
        "127.0.0.1", "file:///etc/passwd"}) {
    BOOST_TEST_CONTEXT(url) {
      check_end(SendSms(provider, url).run(provider.name), kBadConfig,
                provider.address_key + " must be https://");
    }
  }
}

BOOST_DATA_TEST_CASE(what_is_no_message_is_refused_for_good, kProviders, provider) {
  const std::string good = message_line();
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    return line.replace(line.find(from), from.size(), to);
  };
  const SendSms programs(provider, "http://127.0.0.1:1");
  for (const std::string& line :
       {std::string(), std::string("\n"), std::string("{}\n"), with(R"("id":7)", R"("id":"x")"),
        with("+8618866668888", "18866668888"), with("+8618866668888", "+86 188\\\"&x"),
        with("\"zh\"", "\"fr\""), with("\"regist\"", "\"../x\""), with("7391", "7a91"),
        with("分钟", "\\u5206"), with("\"text\"", "\"test\"")}) {
    BOOST_TEST_CONTEXT(line) {
      check_end(programs.run(provider.name, line), kFailed, "the message on standard input");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_program_may_be_a_link) {
  namespace fs = std::filesystem;
  const FakeServer server(provider("twilio").service);
  const SendSms programs(provider("twilio"), server.url());
  fs::create_symlink(fs::absolute("conf/send-sms/twilio"), programs.path() / "bin" / "send-sms");
  check_end(programs.bash("exec send-sms", message_line()), 0, "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace users::test
