// A send-sms program in trouble: clients notice nothing, and the message arrives.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "stack/requests.hpp"
#include "support/metrics_text.hpp"

using namespace users::test;

namespace {

/// A message on its way, by its row in the outbox.
struct Sending {
  Person person;
  std::string purpose = "regist";
  std::string id{};

  [[nodiscard]] std::string row(const std::string& what) const {
    return query("SELECT " + what + " FROM outbox WHERE id = " + id);
  }
  [[nodiscard]] std::vector<std::string> codes() const {
    return codes_sent(person.e164(), purpose);
  }
  [[nodiscard]] std::string plan() const {
    return state_folder() + "/spool/sms.log." + person.e164();
  }

  /// Requests the code; the tests' gateway does one of `troubles` at each try.
  void ask(const std::vector<std::string>& troubles) {
    if (!troubles.empty()) {
      std::ofstream file(plan());
      for (const auto& trouble : troubles) file << trouble << '\n';
    }
    const HttpReply reply = post("code", {{"phone", person.phone()}, {"purpose", purpose}});
    BOOST_TEST(reply.code() == 0);
    BOOST_TEST(reply.number("retry_after") == 60);
    id = query("SELECT MAX(id) FROM outbox");
  }

  /// Whether try `number` has failed and the next one is due in `seconds`, or was some seconds ago.
  /// Must not match the courier's lease during a try: 32 seconds.
  [[nodiscard]] bool is_put_off(int number, int seconds) const {
    const auto in = [](int from_now) {
      return "UTC_TIMESTAMP() + INTERVAL " + std::to_string(from_now) + " SECOND";
    };
    return wait_until(30, [&] {
      return row("state = 'pending' AND attempts = " + std::to_string(number) + " AND nextTime > " +
                 in(seconds - 8) + " AND nextTime <= " + in(seconds)) == "1";
    });
  }

  /// As if it were time for the next try.
  void make_due() const {
    query("UPDATE outbox SET nextTime = UTC_TIMESTAMP() WHERE state = 'pending' AND id = " + id);
  }

  [[nodiscard]] bool reaches(const std::string& state) const {
    return wait_until(30, [&] { return row("state") == state; });
  }

  /// Checks that it was sent once, at try `attempts`, with a valid code, and wiped.
  void check_arrived(int attempts) const {
    BOOST_TEST(reaches("sent"));
    BOOST_TEST(row("attempts") == std::to_string(attempts));
    BOOST_TEST(row("sealed IS NULL") == "1");
    BOOST_TEST(!std::filesystem::exists(plan()));
    BOOST_TEST_REQUIRE(codes().size() == 1U);
    BOOST_TEST(regist_by(person, codes().front()).code() == 0);
  }
};

std::vector<int> children_of(int pid) {
  std::istringstream list(run_command("pgrep -P " + std::to_string(pid)).output);
  std::vector<int> pids;
  for (int child = 0; list >> child;) pids.push_back(child);
  return pids;
}

/// No finished message may keep its text.
struct Wiped {
  Wiped() = default;
  ~Wiped() {
    BOOST_TEST(query("SELECT COUNT(*) FROM outbox WHERE state IN ('sent', 'failed') AND sealed IS "
                     "NOT NULL") == "0");
  }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(gateway, Wiped, *boost::unit_test::label("issued"))

BOOST_AUTO_TEST_CASE(the_waits_double_and_the_fifth_failure_is_the_last) {
  Sending sending;
  sending.ask(std::vector<std::string>(6, "fail75"));
  int seconds = 5;
  for (int attempt = 1; attempt < 5; ++attempt) {
    BOOST_TEST(sending.is_put_off(attempt, seconds), attempt);
    sending.make_due();
    seconds *= 2;
  }
  BOOST_TEST(sending.reaches("failed"));
  BOOST_TEST(sending.row("attempts") == "5");
  BOOST_TEST(sending.row("sealed IS NULL") == "1");
  BOOST_TEST(sending.codes().empty());
  std::filesystem::remove(sending.plan());
}

BOOST_AUTO_TEST_CASE(a_final_failure_is_not_tried_again_and_the_next_code_comes) {
  Sending sending;
  sending.ask({"fail1"});
  BOOST_TEST(sending.reaches("failed"));
  BOOST_TEST(sending.row("sealed IS NULL") == "1");
  query("UPDATE outbox SET nextTime = UTC_TIMESTAMP() WHERE id = " + sending.id);
  // A later message goes out, so this one would have.
  Person later;
  BOOST_TEST(later.code("regist").size() == 6U);
  BOOST_TEST(sending.row("attempts") == "1");
  BOOST_TEST(sending.codes().empty());

  let_time_pass_for(sending.person.e164());
  sending.ask({});
  sending.check_arrived(1);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_hangs_is_ended_and_tried_again) {
  Sending sending;
  sending.ask({"slow"});
  const auto couriers = worker_pids("courier");
  BOOST_TEST_REQUIRE(couriers.size() == 1U);
  std::vector<int> hanging;
  BOOST_TEST(wait_until(30, [&] {
    hanging = children_of(couriers.front());
    return !hanging.empty();
  }));
  // Other requests are answered as fast meanwhile, and their messages are sent afterwards.
  Sending behind;
  behind.ask({});
  BOOST_TEST(sending.is_put_off(1, 5));
  for (const int pid : hanging) BOOST_TEST(::kill(pid, 0) != 0);
  behind.check_arrived(1);
  BOOST_TEST(sending.codes().empty());
  sending.make_due();
  sending.check_arrived(2);
  BOOST_TEST(worker_pids("courier") == couriers, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_temporary_failure_is_tried_again_and_its_output_stays_out_of_the_log) {
  Sending sending;
  sending.ask({"garbage"});
  BOOST_TEST(sending.is_put_off(1, 5));
  BOOST_TEST(sending.codes().empty());
  sending.make_due();
  sending.check_arrived(2);
  // The log has both tries, as lines of text.
  const std::string log = "'" + state_folder() + "'/log/users/users.log";
  BOOST_TEST(run_command("grep -c 'message " + sending.id + ": try 1 failed' " + log).output ==
             "1\n");
  BOOST_TEST(run_command("grep -c 'message " + sending.id + ": sent at try 2' " + log).output ==
             "1\n");
  BOOST_TEST(run_command("LC_ALL=C grep -acP '[\\x00-\\x08\\x0b-\\x1f\\x7f]' " + log).output ==
             "0\n");
}

BOOST_AUTO_TEST_CASE(a_gateway_that_dies_after_sending_sends_the_same_code_once_more) {
  Sending sending;
  sending.person.regist();
  sending.purpose = "login";
  sending.ask({"die"});
  BOOST_TEST(sending.is_put_off(1, 5));
  BOOST_TEST(sending.codes().size() == 1U);
  sending.make_due();
  BOOST_TEST(sending.reaches("sent"));
  const auto codes = sending.codes();
  BOOST_TEST_REQUIRE(codes.size() == 2U);
  BOOST_TEST(codes[0] == codes[1]);
  BOOST_TEST(login_by(sending.person, codes[1]).code() == 0);
  BOOST_TEST(login_by(sending.person, codes[1]).code() == 1006);
}

BOOST_AUTO_TEST_CASE(a_courier_that_is_killed_is_replaced_and_its_message_sent) {
  const Samples before = scrape();
  Sending sending;
  sending.ask({"slow"});
  const auto couriers = worker_pids("courier");
  BOOST_TEST_REQUIRE(couriers.size() == 1U);
  BOOST_TEST_REQUIRE(wait_until(30, [&] {
    return !std::filesystem::exists(sending.plan()) && !children_of(couriers.front()).empty();
  }));
  const auto hanging = children_of(couriers.front());
  BOOST_TEST(::kill(couriers.front(), SIGKILL) == 0);
  // Nothing else ends the program of a dead courier.
  for (const int pid : hanging) ::kill(pid, SIGKILL);
  BOOST_TEST(wait_until(30, [&] {
    const auto now = worker_pids("courier");
    return now.size() == 1 && now != couriers;
  }));
  // The new courier leaves it alone until the lease is over, and serves the others.
  Sending other;
  other.ask({});
  other.check_arrived(1);
  BOOST_TEST(sending.row("state = 'pending' AND attempts = 1 AND nextTime > UTC_TIMESTAMP()") ==
             "1");
  sending.make_due();
  sending.check_arrived(2);
  BOOST_TEST(grown(before, scrape(), R"(users_sms_total{result="unknown"})") == 1);
}

BOOST_AUTO_TEST_CASE(a_courier_that_is_told_to_stop_finishes_the_message_it_is_at) {
  struct Restored {
    ~Restored() {
      run_command(
          "{ scripts/stop courier && VERIFICATION=issued USERS_FCGI_SMS_TIMEOUT=2 "
          "scripts/start; } >/dev/null 2>&1");
    }
  } const restored;
  // It deletes expired rows when it starts, and logs that.
  const std::string purges = "cat '" + state_folder() +
                             "'/log/users/users.log* | grep -cE 'purge_throttle: [1-9][0-9]* rows'";
  const int before = std::stoi(run_command(purges).output);
  query("REPLACE INTO throttle VALUES ('expired:x', 1, UTC_TIMESTAMP() - INTERVAL 1 DAY)");
  run_script(
      "scripts/stop courier && VERIFICATION=issued USERS_FCGI_SMS_TIMEOUT=30 scripts/start "
      "courier");
  BOOST_TEST(wait_until(
      30, [] { return query("SELECT COUNT(*) FROM throttle WHERE bucket = 'expired:x'") == "0"; }));
  BOOST_TEST(wait_until(30, [&] { return std::stoi(run_command(purges).output) > before; }));

  Sending sending;
  sending.ask({"wait"});
  const auto couriers = worker_pids("courier");
  BOOST_TEST_REQUIRE(couriers.size() == 1U);
  BOOST_TEST_REQUIRE(wait_until(30, [&] { return !std::filesystem::exists(sending.plan()); }));
  BOOST_TEST(::kill(couriers.front(), SIGTERM) == 0);
  std::ofstream(sending.plan() + ".go") << "";
  BOOST_TEST(wait_until(30, [&] {
    const auto now = worker_pids("courier");
    return now.size() == 1 && now != couriers;
  }));
  BOOST_TEST(sending.row("state") == "sent");
  std::filesystem::remove(sending.plan() + ".go");
  sending.check_arrived(1);
}

BOOST_AUTO_TEST_SUITE_END()
