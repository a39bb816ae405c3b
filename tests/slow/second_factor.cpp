// Second factors when nginx sends a request again, when COMMIT's reply is lost, when accounts
// change meanwhile, and after a restore.
#include <future>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "service/administration.hpp"
#include "support/authenticator.hpp"
#include "support/cutting_proxy.hpp"
#include "support/passkey_owner.hpp"
#include "support/service.hpp"

using namespace users;
using namespace users::test;
namespace data = boost::unit_test::data;

namespace {

struct Fixture : RegisteredPhone {
  std::string token;
  std::string secret;  ///< base32
  std::vector<Secret> recovery_codes;

  Fixture() {
    token = owner.accounts.login(phone, kPassword, fresh_client()).session->token;
    offer();
    recovery_codes = owner.accounts.confirm_totp(session(), code(), fresh_client()).codes;
    BOOST_REQUIRE(recovery_codes.size() == kRecoveryCodes);
  }

  void offer() { secret = owner.accounts.begin_totp(session(), "www.example.org").secret.reveal(); }
  Session session() { return owner.accounts.find_session(token).value(); }
  /// The app's code, `steps` from now.
  [[nodiscard]] std::string code(int steps = 0) const { return code_of_app(secret, steps); }
  std::string count(const std::string& table) {
    return database.query("SELECT COUNT(*) FROM " + table);
  }
};

/// A service whose connection is cut when it commits.
struct Cut {
  explicit Cut(ScratchDatabase& database)
      : proxy(database.config().database_hosts[0], std::string("\x03") + "COMMIT"),
        service(config_of(database)) {}
  Config config_of(ScratchDatabase& database) const {
    Config config = database.config();
    config.database_hosts = {proxy.socket()};
    return config;
  }
  CuttingProxy proxy;
  Service service;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(second_factor, Fixture)

BOOST_DATA_TEST_CASE(a_login_sent_again_only_opens_another_session,
                     data::make({"totp", "recovery_code"}) * data::make({false, true}), kind,
                     by_sms) {
  const bool by_app = kind == std::string("totp");
  const std::string right = by_app ? code(1) : std::string(recovery_codes[0].reveal());
  const SentFactor sent = by_app ? SentFactor{.totp = right} : SentFactor{.recovery_code = right};
  const std::string by = by_sms ? sms_code(phone, "login") : "";
  const Client client = fresh_client();
  const auto login = [&](Service& service, const Client& who) {
    return by_sms ? service.accounts.login_by_code(phone, by, who, sent)
                  : service.accounts.login(phone, kPassword, who, sent);
  };
  BOOST_TEST((login(owner, client).code == ResultCode::ok));
  const LoginOutcome again = login(other, client);
  BOOST_TEST((again.code == ResultCode::ok));
  const auto session = owner.accounts.find_session(again.session->token);
  BOOST_TEST(owner.accounts.owner(session.value())->level == kTwoFactors);
  // Another request is not answered so.
  const auto expected = by_sms ? ResultCode::code_used_up : ResultCode::wrong_code;
  BOOST_TEST((login(other, fresh_client()).code == expected));
}

BOOST_AUTO_TEST_CASE(the_id_of_a_login_stands_for_no_other_second_factor) {
  const std::string right = code(1);
  const Client client = fresh_client();
  BOOST_TEST(
      (owner.accounts.login(phone, kPassword, client, {.totp = right}).code == ResultCode::ok));
  BOOST_TEST((other.accounts.login(phone, kPassword, client, {.totp = "999999"}).code ==
              ResultCode::wrong_code));
  BOOST_TEST(
      (other.accounts.login(phone, kPassword, client, {.recovery_code = "ABCDE-FGHJK"}).code ==
       ResultCode::wrong_code));
  BOOST_TEST(
      (other.accounts.login(phone, kPassword, client).code == ResultCode::second_factor_required));
}

BOOST_AUTO_TEST_CASE(the_id_of_a_login_before_the_enrolment_stands_for_no_second_factor) {
  const std::string plain = fresh_phone();
  owner.accounts.regist({plain, kPassword, "123456"}, fresh_client());
  owner.accounts.request_code(plain, "login", "", fresh_client());
  const std::string by = last_code(database);
  const Client client = fresh_client();
  BOOST_TEST((owner.accounts.login_by_code(plain, by, client).code == ResultCode::ok));
  database.query("UPDATE users SET level = 2 WHERE phone = '+86" + plain + "'");
  BOOST_TEST((other.accounts.login_by_code(plain, by, client).code == ResultCode::code_used_up));
}

BOOST_AUTO_TEST_CASE(a_login_sent_again_still_needs_the_password) {
  const std::string right = code(1);
  const Client client = fresh_client();
  BOOST_TEST(
      (owner.accounts.login(phone, kPassword, client, {.totp = right}).code == ResultCode::ok));
  BOOST_TEST((other.accounts.login(phone, "wrong horse 42", client, {.totp = right}).code ==
              ResultCode::wrong_credentials));
  BOOST_TEST(
      (other.accounts.login(phone, kPassword, client).code == ResultCode::second_factor_required));
}

BOOST_AUTO_TEST_CASE(a_login_whose_answer_was_lost_is_answered_with_its_session) {
  Cut cut(database);
  const LoginOutcome login = cut.service.accounts.login(
      phone, kPassword, fresh_client(), {.recovery_code = recovery_codes[0].reveal()});
  BOOST_TEST(cut.proxy.has_cut());
  BOOST_TEST((login.code == ResultCode::ok));
  BOOST_TEST(login.recovery_codes_left.value_or(0) == 9U);
  BOOST_TEST(count("recovery_codes") == "9");
}

BOOST_AUTO_TEST_CASE(a_confirmation_sent_again_is_done_once) {
  const std::string right = code(1);
  const Client client = fresh_client();
  for (Service* service : {&owner, &other}) {
    BOOST_TEST((service->accounts.confirm(session(), kPassword, client, {.totp = right}).code ==
                ResultCode::ok));
  }
  BOOST_TEST(count("audit WHERE event = 'confirmed'") == "1");
  BOOST_TEST((other.accounts.confirm(session(), kPassword, fresh_client(), {.totp = right}).code ==
              ResultCode::wrong_code));
}

BOOST_AUTO_TEST_CASE(an_enrolment_sent_again_gives_the_same_recovery_codes) {
  offer();
  const std::string first = code();
  const Client client = fresh_client();
  const auto made = owner.accounts.confirm_totp(session(), first, client);
  BOOST_TEST((made.code == ResultCode::ok));
  const auto again = other.accounts.confirm_totp(session(), first, client);
  BOOST_TEST((again.code == ResultCode::ok));
  BOOST_REQUIRE(again.codes.size() == kRecoveryCodes);
  BOOST_TEST(again.codes[9].reveal() == made.codes.at(9).reveal());
  BOOST_TEST(
      (owner.accounts
           .login(phone, kPassword, fresh_client(), {.recovery_code = again.codes[0].reveal()})
           .code == ResultCode::ok));
  BOOST_TEST(count("audit WHERE event = 'totp added'") == "2");
}

BOOST_AUTO_TEST_CASE(a_secret_that_is_replaced_during_its_confirmation_is_not_enrolled) {
  offer();
  const auto held = database.connect();
  held->run_script("START TRANSACTION; SELECT 1 FROM users FOR UPDATE", "hold");
  const std::string right = code();
  auto enrolment = std::async(std::launch::async, [&] {
    const Session own = other.accounts.find_session(token).value();
    return other.accounts.confirm_totp(own, right, kClient).code;
  });
  BOOST_TEST(wait_until(30, [] { return row_lock_waits() == 1; }));
  const std::string enrolled = database.query("SELECT HEX(secret) FROM factors");
  offer();
  held->run_script("COMMIT", "let go");
  BOOST_TEST((enrolment.get() == ResultCode::wrong_code));
  BOOST_TEST(database.query("SELECT HEX(secret) FROM factors") == enrolled);
}

BOOST_AUTO_TEST_CASE(an_enrolment_whose_answer_was_lost_is_done_once) {
  offer();
  Cut cut(database);
  const auto made = cut.service.accounts.confirm_totp(session(), code(), fresh_client());
  BOOST_TEST(cut.proxy.has_cut());
  BOOST_TEST((made.code == ResultCode::ok));
  BOOST_TEST(
      (owner.accounts
           .login(phone, kPassword, fresh_client(), {.recovery_code = made.codes[0].reveal()})
           .code == ResultCode::ok));
  BOOST_TEST(count("factors") == "1");
}

BOOST_AUTO_TEST_CASE(a_removal_sent_again_is_done_once) {
  const std::uint64_t id = owner.accounts.list_factors(session()).factors.at(0).id;
  const Client client = fresh_client();
  for (Service* service : {&owner, &other}) {
    BOOST_TEST((service->accounts.remove_factor(session(), id, client).code == ResultCode::ok));
  }
  BOOST_TEST((owner.accounts.remove_factor(session(), id, fresh_client()).code ==
              ResultCode::no_such_resource));
}

BOOST_AUTO_TEST_CASE(a_login_in_progress_does_not_outlive_an_enrolment) {
  // The account has no second factor while the login reads it.
  const std::uint64_t id = owner.accounts.list_factors(session()).factors.at(0).id;
  owner.accounts.remove_factor(session(), id, fresh_client());
  HeldTransactions held(database, "INSERT ON sessions");
  auto login = std::async(std::launch::async,
                          [&] { return other.accounts.login(phone, kPassword, fresh_client()); });
  BOOST_TEST(held.wait_for_one());
  offer();
  BOOST_TEST(
      (owner.accounts.confirm_totp(session(), code(), fresh_client()).code == ResultCode::ok));
  held.let_go();
  BOOST_TEST(!owner.accounts.find_session(login.get().session->token));
}

BOOST_AUTO_TEST_CASE(a_login_in_progress_does_not_outlive_a_removal) {
  const std::string right = code(1);
  const std::uint64_t id = owner.accounts.list_factors(session()).factors.at(0).id;
  HeldTransactions held(database, "INSERT ON sessions");
  auto login = std::async(std::launch::async, [&] {
    return other.accounts.login(phone, kPassword, fresh_client(), {.totp = right});
  });
  BOOST_TEST(held.wait_for_one());
  // The login holds the factor's row until it commits.
  auto removal = std::async(std::launch::async, [&] {
    return owner.accounts.remove_factor(session(), id, fresh_client()).code;
  });
  held.let_go();
  const LoginOutcome opened = login.get();
  BOOST_TEST((removal.get() == ResultCode::ok));
  BOOST_TEST(!owner.accounts.find_session(opened.session->token));
}

BOOST_DATA_TEST_CASE(a_session_that_ended_meanwhile_changes_no_factor,
                     data::make({"epoch = epoch + 1", "disableTime = UTC_TIMESTAMP()"}) *
                         data::make({"passkey", "recovery codes", "removal", "password"}),
                     ending, change) {
  Config config = database.config();
  config.passkey_rp_id = "localhost";
  config.passkey_origins = {"http://localhost"};
  Service service(config);
  const Session own = session();
  const PasskeyOffer offered = service.accounts.begin_passkey(own);
  const auto made = local(PasskeyDevice().creation(offered.challenge));
  const std::string client_data = crypto::to_base64url(made.client_data());
  const std::string object = crypto::to_base64url(made.attestation_object());
  const std::uint64_t id = service.accounts.list_factors(own).factors.at(0).id;
  const std::map<std::string, std::function<Outcome()>> changes{
      {"passkey",
       [&] {
         return service.accounts.add_passkey(own, {client_data, object}, kClient);
       }},
      {"recovery codes", [&] { return service.accounts.renew_recovery_codes(own, kClient); }},
      {"removal", [&] { return service.accounts.remove_factor(own, id, kClient); }},
      {"password",
       [&] {
         return service.accounts.change_password(own, kPassword, "another horse 7", kClient);
       }},
  };
  const std::string state =
      "SELECT CONCAT_WS(',', (SELECT GROUP_CONCAT(id) FROM factors), (SELECT "
      "GROUP_CONCAT(codeHash) "
      "FROM recovery_codes), password) FROM users";
  const std::string before = database.query(state);
  const auto held = database.connect();
  held->run_script(std::string("START TRANSACTION; UPDATE users SET ") + ending, "end");
  auto changed = std::async(std::launch::async, changes.at(change));
  BOOST_TEST(wait_until(30, [] { return row_lock_waits() == 1; }));
  held->run_script("COMMIT", "let go");
  BOOST_TEST((changed.get().code == ResultCode::not_logged_in));
  BOOST_TEST(database.query(state) == before);
}

BOOST_AUTO_TEST_CASE(a_reset_asks_for_a_factor_that_was_enrolled_meanwhile) {
  const std::uint64_t id = owner.accounts.list_factors(session()).factors.at(0).id;
  owner.accounts.remove_factor(session(), id, fresh_client());
  offer();
  const std::string by = sms_code(phone, "reset");
  HeldTransactions held(database, "DELETE ON totp_enrolments");
  auto enrolment = std::async(std::launch::async, [&] {
    return owner.accounts.confirm_totp(session(), code(), fresh_client()).code;
  });
  BOOST_TEST(held.wait_for_one());
  auto reset = std::async(std::launch::async, [&] {
    return other.accounts.reset_password(phone, by, "another horse 7", fresh_client()).code;
  });
  BOOST_TEST(wait_until(30, [] { return row_lock_waits() == 1; }));
  held.let_go();
  BOOST_TEST((enrolment.get() == ResultCode::ok));
  BOOST_TEST((reset.get() == ResultCode::second_factor_required));
}

BOOST_AUTO_TEST_CASE(a_secret_copied_to_another_account_opens_nothing) {
  const std::string thief = fresh_phone();
  owner.accounts.regist({thief, kPassword, "123456"}, fresh_client());
  // By somebody who can write the database but does not have the key.
  database.query("UPDATE users SET level = 2 WHERE phone = '+86" + thief + "'");
  database.query(
      "INSERT INTO factors (user_id, kind, secret, createTime) SELECT u.id, 'totp', f.secret, "
      "UTC_TIMESTAMP() FROM factors f, users u WHERE u.phone = '+86" +
      thief + "'");
  const std::string right = code(1);
  BOOST_CHECK_THROW(owner.accounts.login(thief, kPassword, fresh_client(), {.totp = right}),
                    std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_restore_voids_the_recovery_codes) {
  Metrics metrics;
  Administration administration(owner.config, kKey, owner.database, metrics, "root");
  database.query(
      "INSERT INTO passkey_challenges (challenge, purpose, session, expireTime) VALUES "
      "(REPEAT('c', 32), 'login', '', UTC_TIMESTAMP() + INTERVAL 1 MINUTE)");
  const Restored restored = administration.after_restore();
  BOOST_TEST(restored.recovery_codes == 10U);
  BOOST_TEST(count("passkey_challenges") == "0");
  BOOST_TEST(
      (owner.accounts
           .login(phone, kPassword, fresh_client(), {.recovery_code = recovery_codes[0].reveal()})
           .code == ResultCode::wrong_code));
  const std::string right = code(1);
  BOOST_TEST((owner.accounts.login(phone, kPassword, fresh_client(), {.totp = right}).code ==
              ResultCode::ok));
}

BOOST_AUTO_TEST_SUITE_END()
