// The courier on a scratch database, with senders that succeed, fail and hang.
#include "sms/courier.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "accounts/phone.hpp"
#include "support/metrics_text.hpp"
#include "support/service.hpp"
#include "support/temporary_directory.hpp"

using namespace users;
using namespace users::test;

namespace {

struct Fixture {
  ScratchDatabase scratch;
  Config config = scratch.config();
  Metrics metrics;
  db::Database database{config, kNoPassword, metrics};
  Verification verification{config, kKey, metrics};
  std::vector<Message> sent;

  void request(const std::string& phone) {
    const auto parsed = Phone::parse(phone, "CN");
    const auto outcome = verification.request(database, *parsed, Purpose::regist, "key " + phone,
                                              {"192.0.2.1", "id"});
    BOOST_TEST_REQUIRE((outcome.code == ResultCode::ok));
  }
  Courier courier(Sender sender) { return {config, kKey, database, std::move(sender), metrics}; }
  /// A courier that keeps its messages in `sent` and reports `end` for each.
  Courier recorder(Delivery end = Delivery::sent, const Secret& key = kKey) {
    const Sender record = [this, end](std::uint64_t, const Message& message) {
      sent.push_back(message);
      return end;
    };
    return {config, key, database, record, metrics};
  }
  std::string states() {
    return scratch.query("SELECT GROUP_CONCAT(state ORDER BY id SEPARATOR ',') FROM outbox");
  }
  void make_due() { scratch.query("UPDATE outbox SET nextTime = UTC_TIMESTAMP()"); }
};

const Message kMessage{"+8613900000001", "regist", "123456", "en"};

Delivery run(const TemporaryDirectory& directory, const std::string& script,
             const std::string& origin = "") {
  const auto file = directory.write("send", "#!/bin/sh\n" + script + "\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  Config config;
  config.sms_command = file;
  config.sms_timeout = 5;
  config.sms_origin = origin;
  return run_send_command(config, 7, kMessage);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(courier_test, Fixture)

BOOST_AUTO_TEST_CASE(a_message_is_sent_once_and_wiped) {
  request("13900000001");
  Courier one = recorder();
  BOOST_TEST(scratch.query("SELECT COUNT(*) FROM outbox WHERE sealed LIKE '%13900000001%'") == "0");
  BOOST_TEST(one.deliver_one());
  BOOST_TEST(!one.deliver_one());
  BOOST_TEST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent[0].phone == "+8613900000001");
  BOOST_TEST(sent[0].purpose == "regist");
  BOOST_TEST(sent[0].code.size() == 6U);
  BOOST_TEST(sent[0].language == "zh");
  BOOST_TEST(states() == "sent");
  BOOST_TEST(scratch.query("SELECT sealed IS NULL FROM outbox") == "1");
}

BOOST_AUTO_TEST_CASE(several_couriers_share_the_work) {
  constexpr int kMessages = 40;
  for (int i = 0; i < kMessages; ++i) request(std::to_string(13900000100 + i));
  std::mutex mutex;
  std::map<std::uint64_t, int> times;
  in_parallel(4, 4, [&](int) {
    Metrics own_metrics;
    db::Database own(config, kNoPassword, own_metrics);
    const Sender note = [&](std::uint64_t id, const Message&) {
      const std::scoped_lock lock(mutex);
      ++times[id];
      return Delivery::sent;
    };
    Courier courier(config, kKey, own, note, own_metrics);
    while (courier.deliver_one()) {
    }
  });
  BOOST_TEST(times.size() == static_cast<std::size_t>(kMessages));
  for (const auto& [id, count] : times) BOOST_TEST(count == 1);
}

BOOST_AUTO_TEST_CASE(a_message_that_another_courier_takes_is_passed_over) {
  request("13900000001");
  request("13900000002");
  // The other courier has selected the message but not yet leased it.
  const auto other = scratch.connect();
  other->run_script("START TRANSACTION", "test");
  other->run_script("SELECT id FROM outbox ORDER BY id LIMIT 1 FOR UPDATE", "test");
  Courier one = recorder();
  BOOST_TEST(one.deliver_one());
  BOOST_TEST(!one.deliver_one());
  BOOST_TEST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent[0].phone == "+8613900000002");
  other->run_script("ROLLBACK", "test");
  BOOST_TEST(one.deliver_one());
  BOOST_TEST(sent.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_became_of_a_message_is_written_down_when_the_database_is_back) {
  const TemporaryDirectory directory;
  const auto way = directory.path() / "database.sock";
  const std::string server = config.database_hosts.front();
  std::filesystem::create_symlink(server, way);
  config.database_hosts = {way.string()};
  Metrics own_metrics;
  db::Database own(config, kNoPassword, own_metrics);
  request("13900000001");
  std::jthread mender;
  int tries = 0;
  Courier one(
      config, kKey, own,
      [&](std::uint64_t, const Message&) {
        ++tries;
        std::filesystem::remove(way);
        scratch.query("KILL " + scratch.query("SELECT MAX(id) FROM information_schema.processlist "
                                              "WHERE db = DATABASE() AND id <> CONNECTION_ID()"));
        mender = std::jthread([&] {
          wait_until(30, [&] {
            return value_of(read_metrics(own_metrics.render()),
                            R"(users_database_connects_total{result="failed"})") >= 2;
          });
          std::filesystem::create_symlink(server, way);
        });
        return Delivery::sent;
      },
      own_metrics);
  BOOST_TEST(one.deliver_one());
  BOOST_TEST(states() == "sent");
  make_due();
  BOOST_TEST(!one.deliver_one());
  BOOST_TEST(tries == 1);
}

BOOST_AUTO_TEST_CASE(no_transaction_is_open_while_the_gateway_works) {
  request("13900000001");
  std::string open;
  Courier one = courier([&](std::uint64_t, const Message&) {
    open = scratch.open_transactions();
    return Delivery::sent;
  });
  one.deliver_one();
  BOOST_TEST(open == "0");
}

BOOST_AUTO_TEST_CASE(what_has_expired_or_was_sealed_with_another_key_is_not_sent) {
  request("13900000001");
  const Secret other(std::string(32, 'o'));
  BOOST_TEST(recorder(Delivery::sent, other).deliver_one());
  request("13900000002");
  scratch.query("UPDATE outbox SET expireTime = UTC_TIMESTAMP() WHERE state = 'pending'");
  BOOST_TEST(recorder().deliver_one());
  BOOST_TEST(sent.empty());
  BOOST_TEST(states() == "failed,failed");
}

BOOST_AUTO_TEST_CASE(purge_deletes_what_has_expired_and_only_that) {
  request("13900000001");
  scratch.query(
      "INSERT INTO verification_codes VALUES ('+1', 'regist', REPEAT('h',32), REPEAT('k',32), 0, "
      "UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL 2 DAY, NULL, NULL);"
      "INSERT INTO outbox (state, createTime, nextTime, expireTime) VALUES ('sent', "
      "UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL 8 DAY, UTC_TIMESTAMP());"
      "INSERT INTO throttle VALUES ('send:+1', 1, UTC_TIMESTAMP() - INTERVAL 1 SECOND);"
      "INSERT INTO sessions (tokenHash, user_id, createTime, seenTime, expireTime, address, agent) "
      "VALUES "
      "(REPEAT('o',32), 1, UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() - INTERVAL 1 SECOND, "
      "'', ''),"
      "(REPEAT('n',32), 1, UTC_TIMESTAMP(), UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 1 DAY, '', "
      "'');"
      "INSERT INTO audit (user_id, event, address, request_id, createTime) VALUES "
      "(1, 'regist', '', '', UTC_TIMESTAMP() - INTERVAL 181 DAY),"
      "(1, 'login', '', '', UTC_TIMESTAMP() - INTERVAL 179 DAY);"
      "INSERT INTO totp_enrolments VALUES (1, 'o', UTC_TIMESTAMP() - INTERVAL 1 SECOND), "
      "(2, 'n', UTC_TIMESTAMP() + INTERVAL 1 DAY);"
      "INSERT INTO passkey_challenges VALUES "
      "(REPEAT('o', 32), 'login', '', UTC_TIMESTAMP() - INTERVAL 1 SECOND), "
      "(REPEAT('n', 32), 'login', '', UTC_TIMESTAMP() + INTERVAL 1 DAY)");
  Courier one = recorder();
  BOOST_TEST(!one.purge());
  BOOST_TEST(scratch.query("SELECT GROUP_CONCAT(secret) FROM totp_enrolments") == "n");
  BOOST_TEST(scratch.query("SELECT GROUP_CONCAT(LEFT(challenge, 1)) FROM passkey_challenges") ==
             "n");
  BOOST_TEST(scratch.query("SELECT GROUP_CONCAT(phone) FROM verification_codes") ==
             "+8613900000001");
  BOOST_TEST(states() == "pending");
  BOOST_TEST(scratch.query("SELECT COUNT(*) FROM throttle") == "4");
  BOOST_TEST(scratch.query("SELECT GROUP_CONCAT(LEFT(tokenHash, 1)) FROM sessions") == "n");
  BOOST_TEST(scratch.query("SELECT GROUP_CONCAT(event) FROM audit") == "login");
}

BOOST_AUTO_TEST_CASE(purge_works_in_batches) {
  const std::string old = "UTC_TIMESTAMP() - INTERVAL 1 YEAR";
  scratch.query("INSERT INTO throttle SELECT CONCAT('x:', seq), 1, " + old +
                " FROM seq_1_to_1200; INSERT INTO verification_codes (phone, purpose, codeHash, "
                "requestKey, createTime, expireTime) SELECT seq, 'regist', '', '', " +
                old + ", " + old +
                " FROM seq_1_to_1200; INSERT INTO outbox (state, createTime, nextTime, expireTime) "
                "SELECT 'sent', " +
                old + ", " + old + ", " + old +
                " FROM seq_1_to_1200; INSERT INTO sessions (tokenHash, user_id, createTime, "
                "seenTime, expireTime, address, agent) SELECT seq, 1, " +
                old + ", " + old + ", " + old +
                ", '', '' FROM seq_1_to_1200; INSERT INTO audit (user_id, event, address, "
                "request_id, createTime) SELECT 1, 'login', '', '', " +
                old + " FROM seq_1_to_1200");
  const auto left = [&] {
    std::string counts;
    for (const char* table : {"throttle", "verification_codes", "outbox", "sessions", "audit"}) {
      counts += scratch.query(std::string("SELECT COUNT(*) FROM ") + table) + " ";
    }
    return counts;
  };
  Courier one = recorder();
  BOOST_TEST(one.purge());
  BOOST_TEST(left() == "700 700 700 700 700 ");
  BOOST_TEST(one.purge());
  BOOST_TEST(!one.purge());
  BOOST_TEST(left() == "0 0 0 0 0 ");
}

BOOST_AUTO_TEST_CASE(the_command_gets_one_json_object_and_its_exit_code_decides) {
  const TemporaryDirectory directory;
  const std::string got = (directory.path() / "got").string();
  // The text may name the site.
  for (const auto& [origin, bound] :
       {std::pair{"", ""}, {"example.org", R"(\n@example.org #123456)"}}) {
    BOOST_TEST((run(directory, "cat > '" + got + "'", origin) == Delivery::sent));
    BOOST_TEST(
        run_command("cat '" + got + "'").output ==
        std::string(
            R"({"code":"123456","id":7,"language":"en","phone":"+8613900000001","purpose":"regist",)"
            R"("text":"Your code is 123456. It is valid for )") +
            std::to_string(kCodeLifetime / 60) + " minutes; do not share it." + bound + "\"}\n");
  }
  for (const auto& [script, end] :
       {std::pair{"exit 75", Delivery::try_again},
        {"exit 1", Delivery::failed},
        {"kill -9 $$", Delivery::try_again},
        {"exec <&-; head -c 100000 /dev/urandom >/dev/null", Delivery::sent}}) {
    BOOST_TEST((run(directory, script) == end), script);
  }
  Config nowhere;
  nowhere.sms_command = "/nowhere/send";
  BOOST_TEST((run_send_command(nowhere, 7, kMessage) == Delivery::try_again));
}

BOOST_AUTO_TEST_SUITE_END()
